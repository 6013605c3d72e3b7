/* SPDX-License-Identifier: MIT
 * results: see results.h. What takes memory runs protected.
 */
#include "results.h"

#include "compat.h"
#include "kit.h"
#include "reply.h"

#include <stdlib.h>
#include <string.h>

/* Pushes an entry of the kit. */
static void push_kit(lua_State *L, int context, int entry) {
  lua_rawgeti(L, context, TRK_CONTEXT_KIT);
  lua_rawgeti(L, -1, entry);
  lua_remove(L, -2);
}

/* ---- around a call -------------------------------------------------- */

int trk_results_hook_raises(lua_State *L, int context) {
  if (lua_gethook(L) == NULL)
    return 0;
  push_kit(L, context, TRK_KIT_TICK);
  return lua_pcall(L, 0, 0, 0) != 0;
}

/* Run protected: the hook, and a call with an event. */
static int tell(lua_State *L) {
  struct trk_exchange *x = lua_touserdata(L, 2);
  struct trk_event *first = trk_exchange_event(x), event = *first;
  free(first); /* before what may raise */
  lua_settop(L, 1);
  trk_reply_push_event(L, x, &event);
  lua_call(L, 1, 0);
  return 0;
}

/* trunking.hook catches on_attempt's own errors. Where memory is short, an
 * event is lost. */
int trk_results_tell(lua_State *L, int context, int address) {
  const struct trk_exchange *x = lua_touserdata(L, address);
  int rc;
  while (x->events != NULL) {
    push_kit(L, context, TRK_KIT_TELL);
    lua_rawgeti(L, context, TRK_CONTEXT_HOOK);
    lua_pushvalue(L, address);
    rc = lua_pcall(L, 2, 0, 0);
    if (rc == LUA_ERRMEM)
      lua_pop(L, 1);
    else if (rc != 0)
      return 1;
  }
  return 0;
}

int trk_results_raise(lua_State *L, const struct trk_operation *op,
                      enum trk_outcome outcome) {
  static const char *const words[] = {
      [TRK_DONE] = "the request had been applied",
      [TRK_NOT_SENT] = "the request was not sent",
      [TRK_REFUSED] = "the request was refused",
      [TRK_APPLIED] = "the request had been applied",
      [TRK_UNKNOWN] = "the request was sent and may have been applied",
  };
  if (lua_type(L, -1) == LUA_TSTRING && op->method != TRK_GET) {
    lua_pushfstring(L, "%s (trunking.", lua_tostring(L, -1));
    trk_reply_push_name(L, op);
    lua_pushfstring(L, ": %s)", words[outcome]);
    lua_concat(L, 3);
  }
  return lua_error(L);
}

int trk_results_not_begun(lua_State *L, int kit, const struct trk_operation *op,
                          const char *kind, const char *why) {
  lua_newtable(L);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, why);
  lua_setfield(L, -2, "message");
  return trk_reply_unsent(L, kit, op);
}

/* ---- results --------------------------------------------------------- */

/* A page's results: its reply and what is known of it are on top. */
static void make_page(lua_State *L, const struct trk_exchange *x, int context) {
  int reply = lua_gettop(L) - 1;
  push_kit(L, context, TRK_KIT_PAGE);
  lua_pushvalue(L, reply);
  lua_rawgeti(L, context, TRK_CONTEXT_ORIGIN);
  lua_pushlstring(L, x->path.data, strcspn(x->path.data, "?"));
  trk_reply_push_name(L, x->operation);
  lua_rawgeti(L, context,
              x->job == NULL ? TRK_CONTEXT_FOLLOW : TRK_CONTEXT_FOLLOW_ASYNC);
  if (x->asked.trunk_sid[0] != '\0')
    lua_pushstring(L, x->asked.trunk_sid);
  else
    lua_pushnil(L);
  lua_call(L, 6, 1);
  lua_replace(L, reply);
}

/* Tells the intent of the error on top, if it has one, which records it is not
 * of. */
static void set_given(lua_State *L, const struct trk_client *c,
                      const struct trk_exchange *x) {
  const struct trk_given_record *r;
  unsigned i;
  int n = 0, top = lua_gettop(L);
  lua_getfield(L, top, "intent");
  for (i = 0; (r = trk_given_nth(&c->given, i)) != NULL; i++) {
    if (!lua_istable(L, top + 1) || !trk_given_is_alike(r, x))
      continue;
    if (n == 0)
      lua_newtable(L);
    lua_pushstring(L, r->sid);
    lua_rawseti(L, top + 2, ++n);
  }
  if (n > 0)
    lua_setfield(L, top + 1, "given");
  lua_settop(L, top);
}

/* How much is tried to give results, one after the other, while memory is
 * short. */
enum { AT_ONCE, COLLECTED, UNREAD, GIVEN_UP };

/* Run protected: context, exchange, what is tried. */
static int build(lua_State *L) {
  struct trk_exchange *x = lua_touserdata(L, 2);
  struct trk_client *c;
  int tried = (int)lua_tointeger(L, 3), n;
  if (tried != AT_ONCE)
    lua_gc(L, LUA_GCCOLLECT, 0);
  lua_rawgeti(L, 1, TRK_CONTEXT_CLIENT);
  c = lua_touserdata(L, -1);
  lua_rawgeti(L, 1, TRK_CONTEXT_KIT);
  n = trk_reply_push(L, x, c->account, &c->known, lua_gettop(L),
                     tried == UNREAD);
  if (n > 0 && x->operation->shape == TRK_PAGE && x->outcome == TRK_DONE)
    make_page(L, x, 1);
  if (n > 0 && trk_judge_makes_sid(x->operation)) {
    if (x->outcome == TRK_DONE)
      trk_given_note(&c->given, x, x->told.sid, strlen(x->told.sid));
    else if (c->given.count > 0)
      set_given(L, c, x);
  }
  return n;
}

/* When there is no memory for results, an error made beforehand still tells
 * the truth. */
static int no_memory(lua_State *L, int context, struct trk_exchange *x) {
  if (x->outcome == TRK_DONE) {
    x->seen.body = TRK_BODY_BAD;
    x->outcome = trk_verdict(&x->seen);
  }
  lua_pushnil(L);
  push_kit(L, context, TRK_KIT_MEMORY);
  lua_rawgeti(L, -1, (int)x->outcome);
  lua_remove(L, -2);
  return 2;
}

/* Where memory is short, collects and tries once more, and then without the
 * reply: an error takes little. */
static int protected_results(lua_State *L, int context) {
  int top = lua_gettop(L), rc, tried;
  for (tried = AT_ONCE; tried < GIVEN_UP; tried++) {
    push_kit(L, context, TRK_KIT_BUILD);
    lua_pushvalue(L, context);
    lua_pushvalue(L, top);
    lua_pushinteger(L, tried);
    rc = lua_pcall(L, 3, LUA_MULTRET, 0);
    if (rc == 0 && lua_gettop(L) > top)
      return lua_gettop(L) - top;
    if (rc != 0 && rc != LUA_ERRMEM)
      return -1;
    lua_settop(L, top);
  }
  return no_memory(L, context, lua_touserdata(L, top));
}

static struct trk_event *last_event(const struct trk_exchange *x) {
  struct trk_event *event = x->events;
  while (event->next != NULL)
    event = event->next;
  return event;
}

/* What a reply teaches its client, once it is given to Lua: whose SID is
 * taken, and that a connection may be a reply behind (law L12). */
static void learn(lua_State *L, int context, const struct trk_exchange *x) {
  struct trk_client *c;
  lua_rawgeti(L, context, TRK_CONTEXT_CLIENT);
  c = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (x->outcome != TRK_DONE && trk_is_success(x->seen.status))
    trk_client_distrust(c);
  else if (x->outcome == TRK_DONE && x->operation->shape == TRK_RECORD)
    trk_known_add(&c->known, x->told.sid);
}

/* The reply may change the outcome, so the last event gets it here. */
int trk_results_push(lua_State *L, int context) {
  struct trk_exchange *x = lua_touserdata(L, -1);
  int n = protected_results(L, context);
  if (n > 0)
    learn(L, context, x);
  if (x->events != NULL)
    last_event(x)->outcome = x->outcome;
  return n;
}

void trk_results_prepare(lua_State *L, int kit,
                         const struct trk_operation *op) {
  trk_kit_need(L, kit, build, tell);
  if (op->shape == TRK_PAGE)
    trk_kit_need_pages(L, kit);
}
