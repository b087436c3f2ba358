import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { openApiDocument } from './document.ts';

const document = openApiDocument();
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema({ $id: 'openapi', components: document.components });

/** Checks every answer that `fetch` gets from this URL against the OpenAPI document while `work` runs. */
export async function withDescribedAnswers<Result>(url: string, work: () => Promise<Result>): Promise<Result> {
  const original = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const response = await original(input, init);
    const address = new URL(input instanceof Request ? input.url : input);
    if (address.origin === url)
      await check(
        input instanceof Request ? input.method : (init?.method ?? 'GET'),
        address.pathname,
        response.clone(),
      );
    return response;
  };
  try {
    return await work();
  } finally {
    globalThis.fetch = original;
  }
}

async function check(method: string, path: string, response: Response): Promise<void> {
  if (method === 'HEAD' || response.status === 204 || /^\/(page|models)\//.test(path)) return;
  const where = `${method} ${path} ${response.status}`;
  expect(response.headers.get('x-request-id'), where).toMatch(/^[0-9a-f-]{36}$/);
  const described = responsesOf(method, path)?.[response.status];
  const type = (response.headers.get('content-type') ?? '').split(';')[0]!;
  const schema = described?.content[type]?.schema ?? problemOfUnknownRoute(response.status);
  expect(schema, `${where} ${type} is described`).toBeDefined();
  if (!/json$/.test(type)) return;
  const body = await response.json();
  const validate = validator(schema!);
  const errors = validate(body) ? [] : validate.errors;
  expect(errors, `${where}: ${JSON.stringify(body).slice(0, 300)}`).toEqual([]);
}

const validators = new Map<string, ValidateFunction>();

function validator(schema: object): ValidateFunction {
  const text = JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components');
  const validate = validators.get(text) ?? ajv.compile(JSON.parse(text));
  validators.set(text, validate);
  return validate;
}

function responsesOf(method: string, path: string) {
  for (const [template, methods] of Object.entries(document.paths)) {
    const pattern = new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    if (pattern.test(path)) return methods[method.toLowerCase()]?.responses;
  }
  return undefined;
}

/** The schema of answers to unknown routes and to methods that a route does not accept. */
function problemOfUnknownRoute(status: number): object | undefined {
  return status === 404 || status === 405 ? { $ref: '#/components/schemas/Problem' } : undefined;
}
