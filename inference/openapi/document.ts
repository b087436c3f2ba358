import * as z from 'zod/mini';
import * as answers from '../http/answers.ts';
import { groups, type Operation } from '../http/operation.ts';
import { PROBLEMS, Problem, type ProblemCode } from '../http/problem.ts';
import { HuggingFaceRequest, TensorFlowServingRequest } from '../routes/classify-request.ts';
import * as openInference from '../routes/open-inference.ts';
import { operations } from './operations.ts';

type Json = Record<string, unknown>;

/** The parts of an OpenAPI 3.1 document that the program reads. */
export interface OpenApi extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

interface OpenApiOperation extends Json {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, OpenApiResponse>>;
}

interface OpenApiResponse extends Json {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: Json }>>;
}

/** Schemas under `components`; all others are inlined. */
const named: Readonly<Record<string, z.core.$ZodType>> = {
  Problem,
  Prediction: answers.Prediction,
  Explanation: answers.Explanation,
  ImageAnswer: answers.ImageAnswer,
  ModelName: answers.ModelName,
  ClassifyAnswer: answers.ClassifyAnswer,
  BatchAnswer: answers.BatchAnswer,
  ModelAnswer: answers.ModelAnswer,
  LiveAnswer: answers.LiveAnswer,
  ReadyAnswer: answers.ReadyAnswer,
  IndexAnswer: answers.IndexAnswer,
  HuggingFaceRequest,
  TensorFlowServingRequest,
  InferRequest: openInference.InferRequest,
  InferAnswer: openInference.InferAnswer,
  ModelMetadata: openInference.ModelMetadata,
  ServerMetadata: openInference.ServerMetadata,
};

/** The API as an OpenAPI document, made of the same schemas that validate requests and type answers. */
export function openApiDocument(): OpenApi {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri: (id) => `#/components/schemas/${id}` });
  return {
    openapi: '3.1.1',
    info: {
      title: 'cifar10',
      version: openInference.SERVER_VERSION,
      summary: 'Classifies images.',
      description:
        'Links are relative, since a stage of API Gateway prefixes every path. Every answer has an `x-request-id` header, ' +
        'and every error is an `application/problem+json`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '.' }],
    tags: Object.entries(groups).map(([name, description]) => ({ name, description })),
    paths: pathsOf(registry),
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIdentity(schema)])),
      securitySchemes: {
        key: {
          ...{ type: 'apiKey', in: 'header', name: 'x-api-key' },
          description:
            'Required by API Gateway where the stack was deployed with `auth=key`, the default. Never required on a local port.',
        },
        sigv4: {
          ...{ type: 'apiKey', in: 'header', name: 'authorization', 'x-amazon-apigateway-authtype': 'awsSigv4' },
          description:
            'AWS Signature Version 4 for the service `execute-api`. Required by API Gateway where the stack was deployed with `auth=iam`.',
        },
      },
    },
  };
}

function pathsOf(registry: Registry): OpenApi['paths'] {
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    paths[operation.path]![operation.method] = describe(operation, registry);
  }
  return paths;
}

type Registry = ReturnType<typeof z.registry<{ id: string }>>;

function describe(operation: Operation, registry: Registry): OpenApiOperation {
  const { method, path, id, group, summary, details, query = {}, body, answer, problems } = operation;
  const fromPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true, schema: { type: 'string' } },
    description:
      name === 'model'
        ? "The name in the model's card, or `cifar10`: the served model."
        : "A version's ID or an alias.",
  }));
  const fromQuery = Object.entries(query).map(([name, type]) => {
    const { description, ...schema } = schemaOf(type, registry);
    return { name, in: 'query', required: false, ...(description ? { description } : {}), schema };
  });
  const parameters = [...fromPath, ...fromQuery];
  return {
    operationId: id,
    tags: [group],
    summary,
    ...(details ? { description: details } : {}),
    security: method === 'post' ? [{ key: [] }, { sigv4: [] }, {}] : [{}],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, content: contentOf(body, registry) } } : {}),
    responses: {
      200: { description: 'Success', headers: REQUEST_ID, content: contentOf(answer, registry) },
      ...problemResponses([...problems, 'internal']),
      ...(method === 'post' ? { 403: NOT_ALLOWED } : {}),
      429: THROTTLED,
    },
  };
}

const REQUEST_ID = {
  'x-request-id': { description: 'The ID of the request in the log.', schema: { type: 'string' } },
};

function contentOf(types: NonNullable<Operation['body']> | Operation['answer'], registry: Registry) {
  return Object.fromEntries(
    Object.entries(types).map(([media, type]) => {
      if (type === 'binary') return [media, { schema: { type: 'string', contentMediaType: media } }];
      return [media, { schema: type === 'text' ? { type: 'string' } : schemaOf(type, registry) }];
    }),
  );
}

/** Responses by status, which several problems may share. */
function problemResponses(codes: readonly ProblemCode[]): OpenApiOperation['responses'] {
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))].sort();
  return Object.fromEntries(
    statuses.map((status) => {
      const ofStatus = codes.filter((code) => PROBLEMS[code].status === status);
      const description = ofStatus.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('; ');
      return [
        status,
        { description, headers: status === 503 ? { ...REQUEST_ID, ...RETRY } : REQUEST_ID, content: PROBLEM },
      ];
    }),
  );
}

const RETRY = { 'retry-after': { description: 'Seconds to wait before a retry.', schema: { type: 'integer' } } };
const PROBLEM = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };

/** Refused by API Gateway before the request reaches the program. */
const NOT_ALLOWED = {
  ...{
    description:
      '`invalid-api-key`: Missing or invalid API key; `unsigned`, `invalid-signature`, `expired-token`, `access-denied`: Missing or refused signature. Refused by API Gateway',
    headers: REQUEST_ID,
  },
  content: PROBLEM,
};
const THROTTLED = {
  description: '`throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway',
  headers: { ...REQUEST_ID, ...RETRY },
  content: PROBLEM,
};

/** A reference if the schema is one of `named`. */
function schemaOf(type: z.core.$ZodType, registry: Registry): Json {
  const id = registry.get(type)?.id;
  if (id !== undefined) return { $ref: `#/components/schemas/${id}` };
  if (type instanceof z.ZodMiniUnion) {
    return { anyOf: (type._zod.def.options as z.core.$ZodType[]).map((option) => schemaOf(option, registry)) };
  }
  return withoutIdentity(z.toJSONSchema(type, { io: 'input' }));
}

function withoutIdentity(schema: object): Json {
  const { $schema: _, $id: __, ...rest } = schema as Json;
  return rest;
}
