/** A Python package index (PEP 503, PEP 691), for machines that have an index configured and no pip. */

import { proxyFetch } from './proxy.mjs';

/** @typedef {import('./wheels.mjs').Wheel} Wheel */
/** @typedef {{ files?: { url: string }[] }} IndexPage the part of PEP 691 that we read */

/**
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {URL | undefined} the index that the environment sets for pip or uv; there is no default
 */
export function configuredIndex(environment = process.env) {
  const address = environment.PIP_INDEX_URL || environment.UV_DEFAULT_INDEX || environment.UV_INDEX_URL;
  return address ? new URL(`${address.replace(/\/+$/, '')}/`) : undefined;
}

/**
 * @param {URL} index
 * @param {Wheel} wheel
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ url: URL, headers: Record<string, string> } | undefined>} the wheel's URL and the headers for it
 */
export async function findInIndex(index, { project, file }, signal) {
  const { address, headers } = withoutCredentials(new URL(`${project}/`, index));
  const accept = 'application/vnd.pypi.simple.v1+json, text/html;q=0.5';
  const response = await proxyFetch(address, { headers: { ...headers, accept }, signal: signal ?? null });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${address.host} answers HTTP ${response.status} for ${project}.`);
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  const links = isJson ? jsonLinks(/** @type {IndexPage} */ (await response.json())) : htmlLinks(await response.text());
  const link = links.find((href) => new URL(href, response.url).pathname.endsWith(`/${encodeURI(file)}`));
  if (link === undefined) return undefined;
  const url = new URL(link, response.url);
  // Credentials are for the index, and are not sent to other hosts.
  return { url, headers: url.host === address.host ? headers : {} };
}

/**
 * Moves credentials to a header, since `fetch` refuses URLs that contain them.
 *
 * @param {URL} url
 * @returns {{ address: URL, headers: Record<string, string> }}
 */
function withoutCredentials(url) {
  const address = new URL(url);
  if (address.username === '') return { address, headers: {} };
  const credentials = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
  address.username = '';
  address.password = '';
  return { address, headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } };
}

/**
 * @param {IndexPage} page
 * @returns {string[]}
 */
function jsonLinks(page) {
  return (page.files ?? []).map(({ url }) => url);
}

/**
 * @param {string} page
 * @returns {string[]}
 */
function htmlLinks(page) {
  return [...page.matchAll(/<a\b[^>]*?\bhref\s*=\s*["']([^"']+)["']/gi)].map(([, href]) =>
    (href ?? '').replaceAll('&amp;', '&'),
  );
}
