/* SPDX-License-Identifier: MIT
 * refuse: stands before some functions of the system, put there by the
 * linker's --wrap, and refuses what it is told to: what else happens only
 * when the system's tables are full, or a signal comes at the right moment.
 * The program's own calls alone come here, not those of libraries.
 */
#include "refuse.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

/* Of the thread that asked for it. */
static __thread const char *refused;
static __thread int left;
static __thread void (*unlocked)(void);

int refuse(const char *name, int nth) {
  int done = refused == NULL;
  left = nth;
  refused = name;
  return done;
}

void before_lock(void (*f)(void)) { unlocked = f; }

static int hits(const char *name) {
  if (refused == NULL || strcmp(refused, name) != 0 || --left > 0)
    return 0;
  refused = NULL;
  return 1;
}

/* Fails with errno where the function does, else with its result. */
static int fail(int error, int result) {
  errno = error;
  return result;
}

#define WRAP(type, name, params, args, error, result) \
  type __real_##name params; \
  type __wrap_##name params; \
  type __wrap_##name params { \
    return hits(#name) ? (type)fail(error, result) : __real_##name args; \
  }

WRAP(int, eventfd, (unsigned count, int flags), (count, flags), EMFILE, -1)
WRAP(int, pipe, (int ends[2]), (ends), EMFILE, -1)
WRAP(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n), EINTR, -1)
WRAP(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n),
     EINTR, -1)
WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*f)(void *),
      void *arg),
     (thread, attr, f, arg), 0, EAGAIN)
WRAP(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *before),
     (how, set, before), 0, EINVAL)
WRAP(int, pthread_mutex_init,
     (pthread_mutex_t * mutex, const pthread_mutexattr_t *attr),
     (mutex, attr), 0, ENOMEM)
WRAP(int, pthread_cond_init,
     (pthread_cond_t * cond, const pthread_condattr_t *attr), (cond, attr),
     0, ENOMEM)
WRAP(int, pthread_condattr_init, (pthread_condattr_t * attr), (attr), 0,
     ENOMEM)
WRAP(int, pthread_condattr_setclock,
     (pthread_condattr_t * attr, clockid_t clock), (attr, clock), 0, EINVAL)

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...) {
  va_list args;
  int value;
  va_start(args, command);
  value = va_arg(args, int);
  va_end(args);
  return hits("fcntl") ? fail(EBADF, -1) : __real_fcntl(fd, command, value);
}

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
  void (*f)(void) = unlocked;
  if (f != NULL) {
    unlocked = NULL;
    f();
  }
  return __real_pthread_mutex_lock(mutex);
}
