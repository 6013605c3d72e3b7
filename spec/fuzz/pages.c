/* SPDX-License-Identifier: MIT
 * fuzz target pages: the links of a list's pages, over the wire. A server on
 * the loopback answers every request with one page, of which the links, the
 * key and the rest are fuzzed; pages.lua asks for the list and follows them.
 * Whatever a page says, each request goes to our own origin, for the same
 * list, and differs from the first in its query alone. Input: which list, how
 * it is asked; then how the links begin, the links and the key, a line each;
 * then more members of the reply. Or the whole reply as it is.
 */
#include "link.h"
#include "server.h"

#include <arpa/inet.h>
#include <lauxlib.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_BODY 32768
#define STRANGER 9 /* discard: nobody listens there */

/* ---- no other origin ------------------------------------------------ */

/* Every connection of this process, libcurl's too: all lead to the server. */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len) {
  const struct sockaddr_in *to = address.__sockaddr_in__;
  if (address.__sockaddr__->sa_family == AF_INET) {
    PROMISE(ntohl(to->sin_addr.s_addr) == INADDR_LOOPBACK);
    PROMISE(ntohs(to->sin_port) == server_start());
  }
  PROMISE(address.__sockaddr__->sa_family != AF_INET6);
  return (int)syscall(SYS_connect, fd, address.__sockaddr__, len);
}

/* ---- the page --------------------------------------------------------- */

struct text {
  char bytes[MAX_BODY];
  size_t len;
};

static void add(struct text *t, const char *bytes, size_t len) {
  PROMISE(t->len + len < sizeof t->bytes);
  if (len > 0)
    memcpy(t->bytes + t->len, bytes, len);
  t->len += len;
  t->bytes[t->len] = '\0';
}

static void say(struct text *t, const char *format, ...) {
  char part[1024];
  va_list rest;
  va_start(rest, format);
  add(t, part, (size_t)vsnprintf(part, sizeof part, format, rest));
  va_end(rest);
}

/* The inside of a JSON string. */
static void add_escaped(struct text *t, const char *bytes, size_t len) {
  size_t i;
  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c < ' ' || c == '"' || c == '\\')
      say(t, "\\u%04x", c);
    else
      add(t, bytes + i, 1);
  }
}

/* How a link begins, as most mutated ones would not. */
static void add_beginning(struct text *t, unsigned how, const char *path) {
  const char *own = server_origin();
  static const char *const hosts[] = {
      "https://trunking.twilio.com",
      "https://trunking.dublin.ie1.twilio.com",
      "http://trunking.twilio.com",
      "https://trunking.twilio.com@127.0.0.1",
      "//127.0.0.1",
      "https://eviltrunking.ie1.twilio.com",
      "https://trunking.ie1.twilio.com.evil.example",
      "https://trunking.twilio.com:8443"};
  if (how < 4)
    say(t, "%s%s?", own, path);
  else if (how < 6)
    say(t, "%s?", path);
  else if (how < 14)
    say(t, "%s%s?", hosts[how - 6], path);
  else if (how == 14)
    say(t, "http://127.0.0.1:%d%s?", STRANGER, path);
  else if (how == 15)
    say(t, "%s", own);
  else if (how == 16)
    say(t, "%s%s", own, path);
}

/* A member, its value a fuzzed line: mostly a text. */
static void add_link(struct text *t, struct bytes *b, const char *name,
                     const char *path) {
  unsigned how = fuzz_byte(b);
  size_t len;
  const char *line = fuzz_text(b, 2048, &len);
  say(t, ",\"%s\":", name);
  if (how >= 250) { /* any value */
    add(t, line, len);
    return;
  }
  say(t, "\"");
  add_beginning(t, how % 20, path);
  add_escaped(t, line, len);
  say(t, "\"");
}

/* A page of one record, as it should be but for what is fuzzed. */
static void make_page(struct text *t, struct bytes *b, const char *path,
                      const char *prefix) {
  struct bytes key = {(const uint8_t *)"trunks", 6};
  char sid[35];
  memset(sid, 'b', 34);
  memcpy(sid, prefix, 2);
  sid[34] = '\0';
  say(t, "{\"meta\":{\"page\":0");
  add_link(t, b, "next_page_url", path);
  add_link(t, b, "previous_page_url", path);
  if (fuzz_byte(b) % 4 == 3)
    key.at = (const uint8_t *)fuzz_text(b, 64, &key.left);
  say(t, ",\"key\":\"");
  add_escaped(t, (const char *)key.at, key.left);
  say(t, "\"},\"");
  add_escaped(t, (const char *)key.at, key.left);
  say(t, "\":[{\"sid\":\"%s\"}]", sid);
  if (b->left > 0)
    say(t, ",");
  add(t, (const char *)b->at, b->left);
  say(t, "}");
}

/* ---- for pages.lua ---------------------------------------------------- */

static int requests(lua_State *L) {
  lua_pushinteger(L, server_requests());
  return 1;
}

/* target(n): what stands between GET and HTTP/1.1. */
static int target(lua_State *L) {
  const char *text = server_request((int)luaL_checkinteger(L, 1));
  const char *end = strstr(text, "\r\n");
  PROMISE(strncmp(text, "GET ", 4) == 0);
  PROMISE(end - text > 13 && strncmp(end - 9, " HTTP/1.1", 9) == 0);
  lua_pushlstring(L, text + 4, (size_t)(end - 9 - (text + 4)));
  return 1;
}

/* leads_back(link, path, query). A NUL hides nothing. */
static int leads_back(lua_State *L) {
  size_t len;
  const char *link = luaL_checklstring(L, 1, &len);
  lua_pushboolean(L, strlen(link) == len &&
                         link_leads_back(link, server_origin(),
                                         luaL_checkstring(L, 2),
                                         luaL_checkstring(L, 3)));
  return 1;
}

static int outcome(lua_State *L) {
  lua_settop(L, 1);
  lua_pushstring(L, fuzz_error(L, 1));
  return 1;
}

/* Pushes what pages.lua gives. */
static void push_driver(lua_State *L) {
  static const luaL_Reg wire[] = {{"requests", requests},
                                  {"target", target},
                                  {"leads_back", leads_back},
                                  {"outcome", outcome},
                                  {NULL, NULL}};
  lua_getfield(L, LUA_REGISTRYINDEX, "pages");
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  PROMISE(luaL_loadfile(L, "spec/fuzz/pages.lua") == LUA_OK);
  luaL_newlib(L, wire);
  lua_pushstring(L, server_origin());
  lua_call(L, 2, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, "pages");
}

/* ---- the target ------------------------------------------------------- */

/* The lists among the operations. */
static const struct trk_operation *choose_list(unsigned byte) {
  while (fuzz_operation(byte)->shape != TRK_PAGE)
    byte++;
  return fuzz_operation(byte);
}

/* But for the first line, all requests are the same: the headers go to the
 * server that was asked first, and nothing comes behind them. */
static void check_headers(void) {
  const char *first = strstr(server_request(0), "\r\n"), *host;
  char own[80];
  int i;
  snprintf(own, sizeof own, "\r\nHost: %s\r\n", server_origin() + 7);
  host = strstr(first, own);
  PROMISE(host != NULL && strstr(host + 2, "\r\nHost:") == NULL);
  PROMISE(strstr(first, "\r\nAuthorization: Basic ") != NULL);
  for (i = 1; i < server_requests(); i++)
    PROMISE(strcmp(strstr(server_request(i), "\r\n"), first) == 0);
}

/* Protected: resource, path, way. */
static int drive(lua_State *L) {
  push_driver(L);
  lua_insert(L, 1);
  lua_call(L, 3, 0);
  return 0;
}

static void run(lua_State *L, const char *resource, const char *path,
                int way) {
  lua_pushcfunction(L, drive);
  lua_pushstring(L, resource);
  lua_pushstring(L, path);
  lua_pushinteger(L, way);
  if (lua_pcall(L, 3, 0, 0) != 0) {
    fprintf(stderr, "broken promise: %s\n", luaL_tolstring(L, -1, NULL));
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct text body, reply;
  struct bytes b = {data, size};
  struct answer a = {{NULL, 0}, 0, 1};
  lua_State *L = fuzz_state();
  const struct trk_operation *op = choose_list(fuzz_byte(&b));
  struct trk_exchange *x = trk_exchange_new();
  unsigned how = fuzz_byte(&b);
  PROMISE(x != NULL);
  fuzz_set_operation(x, op);
  server_start();
  body.len = reply.len = 0;
  if (how >= 224)
    add(&body, (const char *)b.at, b.left);
  else
    make_page(&body, &b, x->path.data, op->proof);
  say(&reply, "HTTP/1.1 200 OK\r\nConnection: close\r\n");
  say(&reply, "Content-Length: %zu\r\n\r\n", body.len);
  add(&reply, body.bytes, body.len);
  a.bytes.at = (const uint8_t *)reply.bytes;
  a.bytes.left = reply.len;
  server_answer(&a);
  run(L, op->resource, x->path.data, (int)how % 4);
  server_wait();
  check_headers();
  trk_exchange_free(x);
  fuzz_collect(L);
  return 0;
}
