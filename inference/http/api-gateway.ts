import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import type { App } from './context.ts';

/**
 * Answers a request of an API Gateway REST API. The event's path has no stage.
 *
 * The event states whether the body is Base64 or text: with `binaryMediaTypes: *` AWS encodes every body, and other gateways
 * only those that are not text. Both decode to the bytes that were sent.
 */
export async function answerGateway(app: App, event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> {
  const response = await app.fetch(requestOf(event), { requestId: event.requestContext.requestId });
  const body = Buffer.from(await response.arrayBuffer());
  const isText =
    !response.headers.has('content-encoding') &&
    /^(text\/|application\/([\w.+-]+\+)?(json|xml))/.test(response.headers.get('content-type') ?? 'text/plain');
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: body.toString(isText ? 'utf8' : 'base64'),
    isBase64Encoded: !isText,
  };
}

function requestOf(event: APIGatewayProxyEvent): Request {
  const { httpMethod: method, path, body, isBase64Encoded } = event;
  const url = new URL('https://gateway.invalid');
  url.pathname = path;
  for (const [name, values] of Object.entries(event.multiValueQueryStringParameters ?? {})) {
    for (const value of values ?? []) url.searchParams.append(name, value);
  }
  const headers = new Headers();
  for (const [name, values] of Object.entries(event.multiValueHeaders ?? {})) {
    for (const value of values ?? []) headers.append(name, toLatin1(value));
  }
  const hasBody = body !== null && method !== 'GET' && method !== 'HEAD';
  return new Request(url, {
    method,
    headers,
    ...(hasBody ? { body: new Uint8Array(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')) } : {}),
  });
}

/** Events have headers as Unicode text; `Headers` accepts only characters up to 0xFF. */
function toLatin1(value: string): string {
  return /[^\0-\xff]/.test(value) ? Buffer.from(value, 'utf8').toString('latin1') : value;
}
