// Cuts long texts for tokenizers that work with regular expressions.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace precis {

// Longest piece in bytes. llama.cpp runs some tokenizers' patterns with std::regex, which recurses once per character:
// a run of 100,000 equal characters overflows the stack, and others take quadratic time.
constexpr size_t max_piece_bytes = 8192;

// Consecutive pieces that make up the text. Cuts lie where a line begins with a visible character, because no word
// pattern crosses that place, so the tokens are those of the whole text; only a piece without such a place is cut at
// another line end or blank, and a blank-less one between two UTF-8 characters.
std::vector<std::string_view> text_pieces(std::string_view text);

}  // namespace precis
