import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';

/** The event with which API Gateway calls the function for a request. */
export async function eventOf(request: Request): Promise<Partial<APIGatewayProxyEvent>> {
  const { method, headers, url } = request;
  const { pathname, searchParams } = new URL(url);
  const names = [...new Set(searchParams.keys())];
  return {
    ...{ httpMethod: method, path: pathname },
    multiValueHeaders: Object.fromEntries([...headers].map(([name, value]) => [name, [value]])),
    multiValueQueryStringParameters:
      names.length === 0 ? null : Object.fromEntries(names.map((name) => [name, searchParams.getAll(name)])),
    requestContext: { requestId: crypto.randomUUID() } as APIGatewayProxyEvent['requestContext'],
    ...{ body: Buffer.from(await request.arrayBuffer()).toString('base64'), isBase64Encoded: true },
  };
}

/** The response that API Gateway makes of what the function returns. */
export function responseOf({ statusCode, headers, body, isBase64Encoded }: APIGatewayProxyResult): Response {
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  return new Response(bytes, { status: statusCode, headers: headers as Record<string, string> });
}
