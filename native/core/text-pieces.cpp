#include "text-pieces.h"

namespace precis {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Where to end the piece that begins at 0; `text` is longer than a piece.
size_t piece_end(std::string_view text) {
  size_t line_end = 0;
  size_t blank = 0;
  for (size_t at = max_piece_bytes; at > 0; at--) {
    if (!is_blank(text[at - 1])) continue;
    if (text[at - 1] == '\n') {
      if (!is_blank(text[at])) return at;
      if (line_end == 0) line_end = at;
    } else if (blank == 0 && at > 1) {
      blank = at - 1;  // a blank belongs to the word behind it
    }
  }
  if (line_end > 0) return line_end;
  if (blank > 0) return blank;
  size_t at = max_piece_bytes;
  while (at > max_piece_bytes - 4 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) at--;
  return at;
}

}  // namespace

std::vector<std::string_view> text_pieces(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (text.size() > max_piece_bytes) {
    const size_t end = piece_end(text);
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  if (!text.empty()) pieces.push_back(text);
  return pieces;
}

}  // namespace precis
