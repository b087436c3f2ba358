/**
 * The proxy that `HTTPS_PROXY` and its like name, for Node's own clients, which ignore them. Node can use them only from
 * version 22.21 on, where NODE_USE_ENV_PROXY is set, and then asks the proxy for this machine too.
 */
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';
import { Readable } from 'node:stream';
import tls from 'node:tls';

/** Milliseconds within which a proxy must answer. */
const ANSWER_TIMEOUT = 30_000;

/** The names of this machine, as NO_PROXY lists them. */
const THIS_MACHINE = ['127.0.0.1', 'localhost', '[::1]', '::1'];

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** The proxy refuses, or cannot be reached. The message names it, and the variable that does. */
export class ProxyFailure extends Error {
  /** @override */
  name = 'ProxyFailure';
}

/**
 * @typedef {object} Proxy
 * @property {URL} url
 * @property {string} variable that names it
 */

/**
 * @param {URL} address
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {Proxy | undefined} `undefined` for this machine, for what NO_PROXY lists, and where no proxy is set
 * @throws {ProxyFailure} the variable does not name a proxy for HTTP
 */
export function proxyFor(address, environment = process.env) {
  const name = `${address.protocol.slice(0, -1)}_proxy`;
  const variable = [name, name.toUpperCase(), 'all_proxy', 'ALL_PROXY'].find((each) => environment[each]?.trim());
  if (variable === undefined || isDirect(address, environment)) return undefined;
  const value = environment[variable]?.trim() ?? '';
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new ProxyFailure(
      `${variable} is ${JSON.stringify(value)}, which is not the address of an HTTP proxy. Set one such as http://proxy.example.com:3128.`,
    );
  }
  return { url, variable };
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Record<string, string>} the variables that keep every client from asking a proxy for this machine; none if there
 *   is no proxy
 */
export function exceptThisMachine(environment) {
  if (!Object.keys(environment).some((name) => /^(https?|all)_proxy$/i.test(name))) return {};
  const listed = (environment.no_proxy ?? environment.NO_PROXY ?? '').split(/[\s,]+/).filter(Boolean);
  const exceptions = [...new Set([...listed, ...THIS_MACHINE])].join(',');
  return { NO_PROXY: exceptions, no_proxy: exceptions };
}

/**
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {string} for the error of a download that other programs tried: how they reach the network; empty without a proxy
 */
export function describeProxy(environment = process.env) {
  try {
    const proxy = proxyFor(new URL('https://example.com'), environment);
    return proxy === undefined ? '' : `, the proxy ${proxy.url.protocol}//${proxy.url.host} of ${proxy.variable}`;
  } catch (error) {
    return `, the proxy (${error instanceof Error ? error.message : error})`;
  }
}

/**
 * Whether to connect without the proxy.
 *
 * @param {URL} address
 * @param {NodeJS.ProcessEnv} environment
 */
function isDirect({ hostname, port, protocol }, environment) {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const version = isIP(host) === 6 ? 'ipv6' : 'ipv4';
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  if (isIP(host) !== 0 && loopback.check(host, version)) return true;
  const itsPort = port || (protocol === 'https:' ? '443' : '80');
  return (environment.no_proxy ?? environment.NO_PROXY ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '*') return true;
      const [, subnet, bits] = /^(.+)\/(\d+)$/.exec(entry) ?? [];
      if (subnet !== undefined) return isIP(host) !== 0 && contains(subnet, Number(bits), host, version);
      const [, name = '', only] = /^\*?\.?(\[.*\]|[^:]*|[^:]*:.*:[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
      const plain = name.replace(/^\[|\]$/g, '');
      if (plain === '' || (only !== undefined && only !== itsPort)) return false;
      return host === plain || host.endsWith(`.${plain}`);
    });
}

/**
 * @param {string} subnet
 * @param {number} bits
 * @param {string} host an IP address
 * @param {'ipv4' | 'ipv6'} version
 */
function contains(subnet, bits, host, version) {
  const list = new BlockList();
  try {
    list.addSubnet(subnet, bits, isIP(subnet) === 6 ? 'ipv6' : 'ipv4');
  } catch {
    return false;
  }
  return list.check(host, version);
}

/**
 * Agents for Node's own clients. Connections go through the proxy of the environment where there is one for the host.
 *
 * @param {{ fail?: (message: string, cause: unknown) => Error }} [options] `fail` makes the error of a proxy that refuses or
 *   does not answer; default `ProxyFailure`
 * @returns {{ httpAgent: http.Agent, httpsAgent: https.Agent }}
 */
export function proxyAgents({ fail = (message, cause) => new ProxyFailure(message, { cause }) } = {}) {
  const options = { keepAlive: true, maxSockets: 50 };
  return { httpAgent: tunneling(new http.Agent(options), fail), httpsAgent: tunneling(new https.Agent(options), fail) };
}

/**
 * @typedef {import('node:tls').ConnectionOptions & { host: string, port: number | string }} Connection
 * @typedef {(error: Error | null, socket?: import('node:stream').Duplex) => void} Connected
 */

/**
 * @template {http.Agent} Agent
 * @param {Agent} agent
 * @param {(message: string, cause: unknown) => Error} fail
 * @returns {Agent}
 */
function tunneling(agent, fail) {
  // Node's documented way to give an agent connections of another kind; its types lack it.
  const open = /** @type {{ createConnection(options: Connection, connected: Connected): unknown }} */ (
    /** @type {unknown} */ (agent)
  );
  const connectDirectly = open.createConnection.bind(agent);
  const protocol = agent instanceof https.Agent ? 'https:' : 'http:';
  open.createConnection = (options, connected) => {
    const host = isIP(options.host) === 6 ? `[${options.host}]` : options.host;
    /** @type {Proxy | undefined} */
    let proxy;
    try {
      proxy = proxyFor(new URL(`${protocol}//${host}:${options.port}`));
    } catch (error) {
      connected(fail(/** @type {Error} */ (error).message, error));
      return undefined;
    }
    if (proxy === undefined) return connectDirectly(options, connected);
    tunnel(proxy, `${host}:${options.port}`).then(
      (socket) => {
        if (protocol === 'http:') return connected(null, socket);
        const servername = options.servername || (isIP(options.host) === 0 ? options.host : '');
        return connected(null, tls.connect({ ...options, socket, servername }));
      },
      (error) => connected(fail(error.message, error)),
    );
    return undefined;
  };
  return agent;
}

/**
 * @param {Proxy} proxy
 * @param {string} destination host and port
 * @returns {Promise<import('node:stream').Duplex>} a connection to it through the proxy
 * @throws {ProxyFailure}
 */
function tunnel({ url, variable }, destination) {
  const name = nameOf({ url, variable });
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request({
      method: 'CONNECT',
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      path: destination,
      headers: { host: destination, ...authorization(url) },
      agent: false,
      timeout: ANSWER_TIMEOUT,
    });
    request.once('connect', ({ statusCode, statusMessage }, socket) => {
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      const reason = `it answers ${statusCode} ${statusMessage ?? ''}`.trimEnd();
      const remedy =
        statusCode === 407
          ? `Set your name and password in ${variable}, as in http://name:password@${url.host}`
          : `Let it connect there, or list the host in NO_PROXY if it is reached without a proxy`;
      return reject(new ProxyFailure(`${name} does not connect to ${destination}: ${reason}. ${remedy}.`));
    });
    request.once('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_TIMEOUT / 1000} s`)));
    request.once('error', (error) => reject(unusable({ url, variable }, error)));
    request.end();
  });
}

/** @param {Proxy} proxy */
function nameOf({ url, variable }) {
  return `The proxy ${url.protocol}//${url.host} of ${variable}`;
}

/**
 * @param {Proxy} proxy
 * @param {Error} error
 */
function unusable(proxy, error) {
  const reason = error.message || /** @type {NodeJS.ErrnoException} */ (error).code;
  const remedy = `Check ${proxy.variable}, and that the proxy is running`;
  return new ProxyFailure(`${nameOf(proxy)} cannot be used: ${reason}. ${remedy}.`, { cause: error });
}

/**
 * @param {URL} proxy
 * @returns {Record<string, string>}
 */
function authorization({ username, password }) {
  if (username === '') return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

/** Redirections that are followed. */
const MOST_REDIRECTS = 5;

/**
 * `fetch` through the proxy of the environment, if there is one for the address; else `fetch` itself.
 *
 * @param {URL | Request} input
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 * @throws {ProxyFailure}
 */
export async function proxyFetch(input, init) {
  let request = new Request(input, init);
  for (let redirects = 0; ; redirects++) {
    const address = new URL(request.url);
    const proxy = proxyFor(address);
    if (proxy === undefined) return fetch(request);
    const response = await ask(request, proxy);
    const location = response.headers.get('location');
    const isRedirection = response.status >= 300 && response.status < 400 && location !== null;
    if (!isRedirection || request.method !== 'GET' || redirects === MOST_REDIRECTS) return response;
    await response.body?.cancel();
    const next = new URL(location, address);
    const headers = new Headers(request.headers);
    // As browsers do: what is secret is for the first host alone.
    if (next.host !== address.host) headers.delete('authorization');
    request = new Request(next, { headers, signal: request.signal });
  }
}

const agents = proxyAgents();

/**
 * @param {Request} request
 * @param {Proxy} proxy
 * @returns {Promise<Response>}
 */
async function ask(request, proxy) {
  const body = Buffer.from(await request.arrayBuffer());
  const address = new URL(request.url);
  const length = request.body === null ? {} : { 'content-length': body.length };
  const headers = { ...Object.fromEntries(request.headers), ...length, host: address.host };
  const options = { method: request.method, signal: request.signal };
  const sent =
    address.protocol === 'https:'
      ? https.request(address, { ...options, headers, agent: agents.httpsAgent })
      : // Plain HTTP is asked of the proxy itself: many connect to the port of HTTPS alone.
        http.request(proxy.url, {
          ...options,
          path: address.href,
          headers: { ...headers, ...authorization(proxy.url) },
          auth: null,
        });
  /** @type {http.IncomingMessage} */
  const message = await new Promise((resolve, reject) => {
    sent.once('response', resolve).end(body);
    sent.once('error', (error) =>
      reject(address.protocol === 'http:' && !request.signal.aborted ? unusable(proxy, error) : error),
    );
  });
  const { statusCode = 0, statusMessage = '' } = message;
  const pairs = Object.entries(message.headers).map(([name, value]) => [name, String(value)]);
  const content = [204, 205, 304].includes(statusCode) ? null : /** @type {ReadableStream} */ (Readable.toWeb(message));
  const response = new Response(content, {
    status: statusCode,
    statusText: statusMessage,
    headers: Object.fromEntries(pairs),
  });
  return Object.defineProperty(response, 'url', { value: address.href });
}
