// Serves Twilio's own description of the SIP Trunking API, strictly:
//
//   node server.mjs SPEC.json [PARENT]
//
// prints "listening http://127.0.0.1:PORT" and answers each of the operations
// with the description's example and status. What the description does not
// allow is refused in Twilio's error shape. The node modules are looked for
// beside SPEC.json (./fetch puts both into one folder). No state is kept.
// With PARENT, the pid of the process that starts it, it ends when that does.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const specPath = resolve(process.argv[2] ?? 'twilio_trunking_v1.json');
const require = createRequire(specPath);
const { OpenAPIBackend } = require('openapi-backend');
const addFormats = require('ajv-formats').default;
const FORM = 'application/x-www-form-urlencoded';

// The description as published says nothing about unknown form fields, which
// in JSON Schema means that any are welcome: a misspelt one would pass. And
// one property is `nullable` without a type, which ajv refuses to compile.
const spec = JSON.parse(readFileSync(specPath, 'utf8'));
for (const path of Object.values(spec.paths))
  for (const op of Object.values(path))
    if (op.requestBody) op.requestBody.content[FORM].schema.additionalProperties = false;
for (const schema of Object.values(spec.components.schemas))
  for (const property of Object.values(schema.properties ?? {}))
    if (property.nullable && !property.type) delete property.nullable;

// A request refused by this file rather than by the description's schemas.
class Refused extends Error {
  constructor(status, code, message) { super(message); Object.assign(this, { status, code }); }
}

// Form or query string -> object of strings; what is wrong with the text goes
// to `faults`. URLSearchParams alone forgives raw bytes, broken escapes, bad
// UTF-8 and repeated names.
function parseForm(text, where, faults) {
  if (/[^\x21-\x7e]/.test(text)) faults.push(`${where}: unescaped byte`);
  try { decodeURIComponent(text); } catch { faults.push(`${where}: broken escape or bad UTF-8`); }
  const pairs = [...new URLSearchParams(text)], names = pairs.map(([name]) => name);
  const repeated = new Set(names.filter((name, i) => names.indexOf(name) < i));
  for (const name of repeated) faults.push(`${name}: given twice`);
  return Object.fromEntries(pairs);
}

// ajv's coercion takes "10.0", "1e3" and " 7" for integers. Twilio's forms
// hold plain digits, and a Lua float prints as "10.0": leave nothing to luck.
function looseIntegers(values, schemas) {
  return Object.keys(values)
    .filter((name) => schemas[name]?.type === 'integer' && !/^-?[0-9]+$/.test(values[name]))
    .map((name) => `${name}: must be plain digits`);
}

// The checks the schemas cannot make. After auth: only who may ask is told.
function checkText({ operation, request, security }, { rawBody, faults }) {
  if (!security.authorized) return;
  const form = operation.requestBody?.content[FORM].schema;
  const type = (request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  if (form && type !== FORM && (type !== '' || rawBody !== ''))
    throw new Refused(415, 20001, `Content-Type must be ${FORM}`);
  if (!form && rawBody !== '') faults.push('no body allowed here');
  const queries = operation.parameters.filter((p) => p.in === 'query').map((p) => [p.name, p.schema]);
  faults.push(...looseIntegers(request.query, Object.fromEntries(queries)));
  if (form) faults.push(...looseIntegers(request.requestBody, form.properties));
  if (faults.length > 0) throw new Refused(400, 20001, faults.join('; '));
}

const snake = (name) => name.replace(/(?!^)([A-Z])/g, '_$1').toLowerCase();

// ajv's error -> one phrase that names the field at fault.
function explain({ instancePath, params, message }) {
  const field = params.additionalProperty ?? params.missingProperty ?? instancePath.split('/').pop();
  const allowed = params.allowedValues ? ` (${params.allowedValues.join(', ')})` : '';
  return `${field}: ${message}${allowed}`;
}

const error = (status, code, message) => ({ status,
  body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status } });

// The user name of a well-formed Basic authorization (an account's or an API
// key's SID with some secret), else undefined. Any secret will do.
function basicUser({ authorization = '' }) {
  const [, encoded] = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(authorization) ?? [];
  return /^((?:AC|SK)[0-9a-f]{32}):./i.exec(Buffer.from(encoded ?? '', 'base64').toString())?.[1];
}

let made = 0;

// The SID of what a create makes: each has its own.
const newSid = (like) => like.slice(0, 2) + String(++made).padStart(32, '0');

// The SIDs of an example are all the same: here they are of those that asked,
// and of what was asked for.
function readdress(record, { method, params, requestBody }, user) {
  const attached = Object.entries(requestBody ?? {}).find(([name]) => name.endsWith('Sid'));
  const sids = { account_sid: /^AC/i.test(user) ? user : undefined, trunk_sid: params.TrunkSid,
    sid: params.Sid ?? attached?.[1] ?? (method === 'post' && record.sid ? newSid(record.sid) : undefined) };
  for (const [name, sid] of Object.entries(sids))
    if (sid && name in record) record[name] = sid;
}

// The description's own reply, with the values just sent put in their places:
// of a form into the record, of a query into the page's meta.
function answer({ operation, request }) {
  const [status, { content }] = Object.entries(operation.responses)[0];
  if (!content) return { status: Number(status) };
  const { examples } = content['application/json'];
  const body = structuredClone((examples.readFull ?? Object.values(examples)[0]).value);
  for (const [name, value] of Object.entries(request.requestBody ?? {})) // coerced by ajv by now
    if (snake(name) in body) body[snake(name)] = value;
  for (const [name, value] of Object.entries(request.query ?? {}))
    if (body.meta && snake(name) in body.meta) body.meta[snake(name)] = Number(value);
  const user = basicUser(request.headers);
  for (const record of body.meta ? body[body.meta.key] : [body]) readdress(record, request, user);
  return { status: Number(status), body };
}

const api = new OpenAPIBackend({
  definition: spec,
  strict: true,
  ignoreTrailingSlashes: false,
  ajvOpts: { allErrors: true, coerceTypes: true },
  customizeAjv(ajv) {
    addFormats(ajv);
    for (const type of ['phone-number', 'phone-number-capabilities', 'uri-map']) ajv.addFormat(type, true);
    ajv.addFormat('http-method', /^[A-Z]+$/);
    return ajv;
  },
  securityHandlers: { accountSid_authToken: ({ request }) => basicUser(request.headers) },
  handlers: {
    unauthorizedHandler: () => error(401, 20003, 'Authenticate'),
    notFound: ({ request }) => error(404, 20404, `The requested resource ${request.path} was not found`),
    methodNotAllowed: () => error(405, 20004, 'Method not allowed'),
    validationFail: ({ validation }) => error(400, 20001, validation.errors.map(explain).join('; ')),
    // All operations have one handler: none is registered by its name.
    notImplemented: answer,
    postSecurityHandler: checkText,
  },
});
await api.init();

async function handle(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const rawBody = Buffer.concat(chunks).toString('latin1'); // raw bytes stay visible to parseForm
  const [, path, rawQuery = ''] = /^([^?]*)\??(.*)$/s.exec(req.url);
  try { decodeURIComponent(path); } catch { throw new Refused(400, 20001, 'path: broken escape'); }
  const faults = [];
  return api.handleRequest({ method: req.method, path, headers: req.headers,
    query: parseForm(rawQuery, 'query', faults),
    body: req.method === 'POST' ? parseForm(rawBody, 'form', faults) : undefined }, { rawBody, faults });
}

const server = createServer(async (req, res) => {
  const reply = await handle(req).catch((e) => {
    if (e instanceof Refused) return error(e.status, e.code, e.message);
    console.error(e);
    return error(500, 20500, String(e));
  });
  if (reply.status === 401) res.setHeader('WWW-Authenticate', 'Basic realm="Twilio API"');
  if (!reply.body) return res.writeHead(reply.status).end();
  const json = JSON.stringify(reply.body);
  res.setHeader('Content-Type', 'application/json');
  res.setHeader('Content-Length', Buffer.byteLength(json));
  res.writeHead(reply.status).end(json);
});
server.keepAliveTimeout = 60000; // an idle connection of a slow test must not be cut
server.listen(0, '127.0.0.1', () => console.log(`listening http://127.0.0.1:${server.address().port}`));

// A killed test must not leave its server behind. The pid is given, not read
// here, because the parent may be gone before this line is reached.
const parent = Number(process.argv[3]);
if (parent) setInterval(() => { if (process.ppid !== parent) process.exit(0); }, 500).unref();
