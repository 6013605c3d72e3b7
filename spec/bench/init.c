/* SPDX-License-Identifier: MIT
 * init: the least that a program on libcurl must do to start: load it and its
 * libraries, and initialise it. The measure of require "trunking".
 */
#include <curl/curl.h>

int main(void) { return curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK; }
