import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

export interface TestProxy extends AsyncDisposable {
  /** The value for `HTTPS_PROXY`. */
  readonly url: string;
  /** Each request: `CONNECT sts.us-east-1.amazonaws.com:443`, or `GET http://example.test/`. */
  readonly requests: string[];
  /** The value of the last `Proxy-Authorization`. */
  authorization: string | undefined;
}

/**
 * A proxy on the loopback interface.
 *
 * @param destination the port on this machine to which all connections go, whatever host they are for. @default it refuses
 *   every request, as a company's may
 */
export async function startProxy(destination?: number): Promise<TestProxy> {
  const server = createServer((request, response) => {
    proxy.requests.push(`${request.method} ${request.url}`);
    proxy.authorization = request.headers['proxy-authorization'];
    if (destination === undefined) response.writeHead(403).end();
    else response.end(`through the proxy: ${request.url}`);
  });
  server.on('connect', (request, client, head) => {
    proxy.requests.push(`CONNECT ${request.url}`);
    proxy.authorization = request.headers['proxy-authorization'];
    client.on('error', () => client.destroy());
    if (destination === undefined) {
      client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const upstream = connect(destination, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: TestProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    authorization: undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
  return proxy;
}
