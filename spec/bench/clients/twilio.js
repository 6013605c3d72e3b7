// twilio-node with keep-alive, pointed at the sandbox: its own RequestClient
// with the API's origin replaced. Line protocol and arguments as in ../bench.h;
// a fourth says how many creates are in flight (1).
// SPDX-License-Identifier: MIT
'use strict';

const http = require('http');
const readline = require('readline');
const twilio = require('twilio');

const [url, ca, tag, width = '1'] = process.argv.slice(2);
const Base = twilio.RequestClient;

class Redirected extends Base {
  request(options) {
    const uri = options.uri.replace('https://trunking.twilio.com', url);
    return super.request({ ...options, uri });
  }
}

if (ca === '-') {
  require('axios').defaults.httpAgent = new http.Agent({ keepAlive: true });
}
const bundle = ca === '-' ? undefined : require('fs').readFileSync(ca);
const client = twilio(
  process.env.TRUNKING_SANDBOX_ACCOUNT_SID,
  process.env.TRUNKING_SANDBOX_AUTH_TOKEN,
  { httpClient: new Redirected({ keepAlive: true, ca: bundle }) },
);

let serial = 0;

async function create() {
  serial += 1;
  const trunk = await client.trunking.v1.trunks.create({
    friendlyName: `Head office, line ${serial}`,
    domainName: `bench-${tag}-${serial}.pstn.twilio.com`,
    disasterRecoveryUrl: 'https://example.com/recovery?site=1',
    disasterRecoveryMethod: 'POST',
    transferMode: 'sip-only',
    transferCallerId: 'from-transferee',
    secure: true,
    cnamLookupEnabled: false,
  });
  if (!trunk.sid) throw new Error('no sid');
}

async function batch(count) {
  let left = count;
  const each = async () => {
    while (left > 0) {
      left -= 1;
      await create();
    }
  };
  await Promise.all(Array.from({ length: Number(width) }, each));
}

async function serve() {
  console.log('ready');
  for await (const line of readline.createInterface(process.stdin)) {
    const started = process.cpuUsage();
    await batch(Number(line));
    const used = process.cpuUsage(started);
    console.log((used.user + used.system) / 1e6);
  }
}

serve().catch((error) => {
  console.log(`failed ${error.message}`);
  process.exit(1);
});
