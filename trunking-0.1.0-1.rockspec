rockspec_format = "3.0"
package = "trunking"
version = "0.1.0-1"
source = {
  -- `luarocks make` builds from the checkout and does not read this.
  url = "git+https://trunking.invalid/trunking.git",
  tag = "v0.1.0",
}
description = {
  summary = "A client for Twilio's SIP Trunking API",
  detailed = [[
    Creates SIP trunks from Lua tables over libcurl, and tells the truth about
    what became of a request: created, not created, or unknown.]],
  homepage = "https://trunking.invalid/trunking",
  maintainer = "trunking <maintainers@trunking.invalid>",
  labels = { "http", "sip", "telephony", "twilio", "async" },
  license = "MIT",
}
dependencies = { "lua >= 5.1, < 5.6", "lua-cjson >= 2.1.0" }
external_dependencies = { CURL = { library = "curl" } }
build = {
  type = "builtin",
  modules = {
    ["trunking"] = "lua/trunking/init.lua",
    ["trunking.all"] = "lua/trunking/all.lua",
    ["trunking.ascii"] = "lua/trunking/ascii.lua",
    ["trunking.config"] = "lua/trunking/config.lua",
    ["trunking.copas"] = "lua/trunking/copas.lua",
    ["trunking.cqueues"] = "lua/trunking/cqueues.lua",
    ["trunking.ensure"] = "lua/trunking/ensure.lua",
    ["trunking.ensure.attached"] = "lua/trunking/ensure/attached.lua",
    ["trunking.ensure.decide"] = "lua/trunking/ensure/decide.lua",
    ["trunking.ensure.intent"] = "lua/trunking/ensure/intent.lua",
    ["trunking.ensure.job"] = "lua/trunking/ensure/job.lua",
    ["trunking.ensure.keyed"] = "lua/trunking/ensure/keyed.lua",
    ["trunking.ensure.look"] = "lua/trunking/ensure/look.lua",
    ["trunking.ensure.match"] = "lua/trunking/ensure/match.lua",
    ["trunking.ensure.reconcile"] = "lua/trunking/ensure/reconcile.lua",
    ["trunking.ensure.report"] = "lua/trunking/ensure/report.lua",
    ["trunking.ensure.run"] = "lua/trunking/ensure/run.lua",
    ["trunking.ensure.same"] = "lua/trunking/ensure/same.lua",
    ["trunking.ensure.update"] = "lua/trunking/ensure/update.lua",
    ["trunking.enum"] = "lua/trunking/enum.lua",
    ["trunking.error"] = "lua/trunking/error.lua",
    ["trunking.hook"] = "lua/trunking/hook.lua",
    ["trunking.hosts.copas"] = "lua/trunking/hosts/copas.lua",
    ["trunking.hosts.cqueues"] = "lua/trunking/hosts/cqueues.lua",
    ["trunking.hosts.host"] = "lua/trunking/hosts/host.lua",
    ["trunking.hosts.luv"] = "lua/trunking/hosts/luv.lua",
    ["trunking.hosts.openresty"] = "lua/trunking/hosts/openresty.lua",
    ["trunking.hosts.wait"] = "lua/trunking/hosts/wait.lua",
    ["trunking.luv"] = "lua/trunking/luv.lua",
    ["trunking.openresty"] = "lua/trunking/openresty.lua",
    ["trunking.pages"] = "lua/trunking/pages.lua",
    ["trunking.proxy"] = "lua/trunking/proxy.lua",
    ["trunking.sandbox"] = "lua/trunking/sandbox.lua",
    ["trunking.sandbox.checks"] = "lua/trunking/sandbox/checks.lua",
    ["trunking.sandbox.collection"] = "lua/trunking/sandbox/collection.lua",
    ["trunking.sandbox.domains"] = "lua/trunking/sandbox/domains.lua",
    ["trunking.sandbox.faults"] = "lua/trunking/sandbox/faults.lua",
    ["trunking.sandbox.resources"] = "lua/trunking/sandbox/resources.lua",
    ["trunking.sandbox.wire"] = "lua/trunking/sandbox/wire.lua",
    ["trunking.suggest"] = "lua/trunking/suggest.lua",
    ["trunking.time"] = "lua/trunking/time.lua",
    ["trunking.load"] = {
      sources = { "src/load.c" },
      defines = { "_GNU_SOURCE" },
    },
    ["trunking.core"] = {
      sources = {
        "src/api.c", "src/asked.c", "src/bell.c", "src/bound.c", "src/buf.c",
        "src/call.c", "src/cause.c", "src/check.c", "src/client.c",
        "src/clock.c", "src/core.c", "src/date.c", "src/decode.c",
        "src/engine.c", "src/exchange.c", "src/fd.c", "src/form.c",
        "src/given.c", "src/head.c", "src/held.c", "src/job.c", "src/jobs.c",
        "src/json.c", "src/judge.c", "src/kit.c", "src/known.c",
        "src/library.c", "src/lookups.c", "src/mailbox.c", "src/mask.c",
        "src/mend.c", "src/path.c", "src/process.c", "src/proxy.c",
        "src/reply.c", "src/results.c", "src/server.c", "src/shared.c",
        "src/text.c", "src/tls.c", "src/trust.c", "src/verdict.c",
        "src/wake.c", "src/wire.c", "src/worker.c", "src/yields.c",
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "curl", "pthread" },
      incdirs = { "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
    },
  },
  copy_directories = { "doc", "examples" },
}
-- In a checkout: `luarocks test` is `make test`.
test = { type = "command", command = "make test" }
