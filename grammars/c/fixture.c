/* A small ring buffer, with the habits of real C. */
#include <stdlib.h>
//        ^^^^^^^^ import "stdlib.h"
#include "ring/ring.h"
//        ^^^^^^^^^^^ import "ring/ring.h"

#define RING_SIZE 64
#define RING_MASK (RING_SIZE - 1)

/** Walks over all slots. */
#define RING_EACH(r, i)                 \
//      ^^^^^^^^^ function RING_EACH doc="Walks over all slots."
  for ((i) = (r)->head;                 \
       (i) != (r)->tail;                \
       (i) = ((i) + 1) & RING_MASK)

#ifdef __cplusplus
#define RING_API extern "C"
#else
#define RING_API
#endif

typedef struct ring_s ring_t;
//                    ^^^^^^ type ring_t
typedef int (*ring_cb)(ring_t *ring, void *data);
//            ^^^^^^^ type ring_cb
typedef unsigned long ring_mark;
//                    ^^^^^^^^^ type ring_mark

/**
 * A ring of slots.
 * Not safe for threads.
 */
struct ring_s {
//     ^^^^^^ class ring_s doc="A ring of slots. Not safe for threads."
  void *slots[RING_SIZE];
//            ^^^^^^^^^ name
  unsigned head, tail;
  struct { int pushes; int pops; } counts;
  ring_cb on_full;
//^^^^^^^ type
};

/* Where it went wrong. */
typedef enum { RING_OK, RING_FULL = -1 } ring_status;
//                                       ^^^^^^^^^^^ enum ring_status doc="Where it went wrong."

enum ring_mode {
//   ^^^^^^^^^ enum ring_mode
  RING_BLOCK,
  RING_DROP
};

typedef union ring_word_u {
  void *pointer;
  unsigned long bits;
} ring_word;
//^^^^^^^^^ class ring_word

/* Makes an empty ring, or NULL. */
ring_t *ring_new(void);
//      ^^^^^^^^ function ring_new doc="Makes an empty ring, or NULL."
// <- type
extern int ring_push(ring_t *ring, void *data);
//         ^^^^^^^^^ function ring_push
static int ring_grow(ring_t *ring);

static const char *const status_names[] = {
//                       ^^^^^^^^^^^^ constant status_names
  "ok",
  "full 🚰",
};

static const struct ring_hooks hooks = {
//                             ^^^^^ constant hooks
  .before = ring_before_push,
//          ^^^^^^^^^^^^^^^^ name
  .after = NULL,
};

/* 🎡 */ static int is_full(const ring_t *ring) { return ring->tail - ring->head == RING_SIZE; }
//                  ^^^^^^^ function is_full
//                                                                                  ^^^^^^^^^ name

ring_t *ring_new(void)
//      ^^^^^^^^ function ring_new
{
  ring_t *ring = calloc(1, sizeof(struct ring_s));
//               ^^^^^^ call
//                                       ^^^^^^ type
  return ring;
}

static int
ring_grow(ring_t *ring)
// <- function ring_grow
{
  unsigned i;
  for (i = 0; i <= RING_MASK; i++) free_slot(ring->slots[i & RING_MASK]);
//                                 ^^^^^^^^^ call
//                 ^^^^^^^^^ name
  ring->on_full = ring_drop_oldest;
//                ^^^^^^^^^^^^^^^^ name
  return ring->hooks->grow(ring, &default_allocator);
//                    ^^^^ call
//                                ^^^^^^^^^^^^^^^^^ name
}

void **ring_slots(ring_t *ring) {
//     ^^^^^^^^^^ function ring_slots
  switch (ring->mode) {
    case RING_BLOCK: return wait_for(ring) ? ring->slots : NULL;
//       ^^^^^^^^^^ name
//                          ^^^^^^^^ call
    default: return 0;
  }
}

int (*ring_handler(ring_t *ring))(void *) {
//    ^^^^^^^^^^^^ function ring_handler
  return ring->handler;
}

TEST_IMPL(ring_overflow) {
//        ^^^^^^^^^^^^^ function ring_overflow
  ASSERT_EQ(RING_FULL, ring_push(0, 0));
//^^^^^^^^^ call
//          ^^^^^^^^^ name
//                     ^^^^^^^^^ call
  return 0;
}
