import { createHash } from 'node:crypto';
import type { App } from '../http/context.ts';
import { DOCS_STYLE, docsPage } from './docs-page.ts';
import { openApiDocument } from './document.ts';

/** The interface, for programs and for people. */
export function documentRoutes(app: App): void {
  let document: ReturnType<typeof openApiDocument> | undefined;
  let page: string | undefined;
  app.get('/openapi.json', (context) => {
    document ??= openApiDocument();
    return context.json(document, 200, { 'cache-control': 'no-cache', 'access-control-allow-origin': '*' });
  });
  app.get('/docs', (context) => {
    page ??= docsPage();
    const style = createHash('sha256').update(DOCS_STYLE).digest('base64');
    return context.html(page, 200, {
      'cache-control': 'no-cache',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${style}'; frame-ancestors 'none'`,
    });
  });
}
