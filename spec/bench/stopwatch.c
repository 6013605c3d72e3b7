/* SPDX-License-Identifier: MIT
 * stopwatch: runs its arguments as a command, its output thrown away, and
 * prints the wall seconds from fork to exit. A shell would add its own start
 * to both sides of a ratio. Fails when the command does.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  double started = now();
  int status = 1;
  pid_t child;
  if (argc < 2)
    return 2;
  child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_WRONLY);
    if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
      _exit(126);
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
    return 1;
  printf("%.9f\n", now() - started);
  return 0;
}
