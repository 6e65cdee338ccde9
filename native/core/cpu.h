// What the processor has.
#pragma once

#include <cstdint>

namespace precis {

// Physical cores that this process may use, at least 1.
int physical_cores();

// Bytes of memory that can be had without swapping, as far as the system tells; 0 when it does not.
uint64_t available_memory();

}  // namespace precis
