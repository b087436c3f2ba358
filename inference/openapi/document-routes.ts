import { createHash } from 'node:crypto';
import type { App } from '../http/context.ts';
import { route } from '../http/operation.ts';
import { DOCS_STYLE, docsPage } from './docs-page.ts';
import { openApiDocument } from './document.ts';
import { getDocs, getOpenApi } from './operations.ts';

/** The OpenAPI document, for programs, and the documentation page. */
export function documentRoutes(app: App): void {
  let document: ReturnType<typeof openApiDocument> | undefined;
  let page: string | undefined;
  route(app, getOpenApi, (context) => {
    document ??= openApiDocument();
    return context.json(document, 200, { 'cache-control': 'no-cache', 'access-control-allow-origin': '*' });
  });
  route(app, getDocs, (context) => {
    page ??= docsPage();
    const style = createHash('sha256').update(DOCS_STYLE).digest('base64');
    return context.html(page, 200, {
      'cache-control': 'no-cache',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${style}'; frame-ancestors 'none'`,
    });
  });
}
