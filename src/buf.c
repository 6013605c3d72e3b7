/* SPDX-License-Identifier: MIT
 * buf: see buf.h. malloc and memcpy, nothing else.
 */
#include "buf.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE ((size_t)512)
#define KEEP_SIZE ((size_t)64 * 1024) /* what clear leaves allocated at most */

void trk_buf_init(struct trk_buf *b, size_t max) {
  b->data = NULL;
  b->len = b->size = 0;
  b->max = max;
}

/* Doubling, so that appends stay cheap; a leap gets what it asks for. */
enum trk_buf_rc trk_buf_reserve(struct trk_buf *b, size_t n) {
  size_t need, size;
  char *data;
  if (n > b->max - b->len)
    return TRK_BUF_FULL;
  need = b->len + n + 1;
  if (need <= b->size)
    return TRK_BUF_OK;
  size = b->size > 0 ? 2 * b->size : FIRST_SIZE;
  if (size < need)
    size = need;
  data = realloc(b->data, size);
  if (data == NULL)
    return TRK_BUF_NO_MEMORY;
  b->data = data;
  b->size = size;
  return TRK_BUF_OK;
}

enum trk_buf_rc trk_buf_add(struct trk_buf *b, const void *bytes, size_t n) {
  enum trk_buf_rc rc = trk_buf_reserve(b, n);
  if (rc != TRK_BUF_OK)
    return rc;
  if (n > 0)
    memcpy(b->data + b->len, bytes, n);
  b->len += n;
  b->data[b->len] = '\0';
  return TRK_BUF_OK;
}

void trk_buf_clear(struct trk_buf *b) {
  if (b->size > KEEP_SIZE)
    trk_buf_free(b);
  b->len = 0;
  if (b->data != NULL)
    b->data[0] = '\0';
}

void trk_buf_free(struct trk_buf *b) {
  char *data = b->data;
  b->data = NULL;
  b->len = b->size = 0;
  free(data);
}

const char *trk_buf_str(const struct trk_buf *b) {
  return b->data != NULL ? b->data : "";
}

void trk_wipe(void *memory, size_t n) {
  volatile unsigned char *p = memory;
  while (n-- > 0)
    *p++ = 0;
}
