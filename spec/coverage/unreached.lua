-- What no test on this machine can reach, and why: a part of the line's text,
-- by file. The report says it beside the line; nothing is left out of a count.
-- SPDX-License-Identifier: MIT

local full = "the kernel's or libc's tables are full"
local made = "a descriptor just made takes its flags"

return {
  ["src/client.c"] = {
    ["holds a control character"] = "trunking.config refused it before",
    ["(unsigned char)s[i] <"] = "trunking.config refused it before",
    ["options that trunking.config"] = "trunking.config gives them all",
    ["o.origin == NULL"] = "trunking.config gives them all",
    ["o.user_agent == NULL"] = "trunking.config gives them all",
    ["if (len < 8)"] = "trunking.config takes no shorter account or key",
  },
  ["src/core.c"] = {
    ["dladdr("] = "the loader knows no file that it has loaded",
  },
  ["src/engine.c"] = {
    ["return seed != 0"] = "one seed in 2^64",
    ["curl_multi_add_handle"] = "libcurl refuses a handle that is in order",
    ["global_rc != CURLE_OK"] = "once in a process, and then for good",
  },
  ["src/load.c"] = {
    ["dladdr("] = "the loader knows no file that it has loaded",
  },
  ["src/wire.c"] = {
    ["CURLE_URL_MALFORMAT"] = "paths are checked before they come here",
    ["if (len >= sizeof call->text)"] = "libcurl's buffer is no longer",
    ["if (p != NULL)"] = "libcurl takes no status line without a space",
  },
  ["src/worker.c"] = {
    ["errno == EINTR"] = "a signal within one system call",
    ["flags >= 0 && fcntl"] = made,
    ["pthread_mutex_init"] = full,
    ["pthread_cond_init"] = full,
    ["init_change("] = full,
  },
}
