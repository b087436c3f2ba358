import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import { SECURITY_HEADERS } from '#inference/http/access.ts';
import { PROBLEMS } from '#inference/http/problem.ts';
import { MAX_BODY } from '#inference/http/read-body.ts';
import type { Auth } from './auth.ts';

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly hint: string;
  /** Seconds after which to send the request again. */
  readonly retryAfter?: number;
}

/**
 * The errors that API Gateway answers itself, in the program's words.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
const problems: readonly (readonly [type: apigateway.ResponseType, problem: Problem])[] = [
  [
    apigateway.ResponseType.INVALID_API_KEY,
    {
      status: 403,
      code: 'invalid-api-key',
      title: 'Invalid API key',
      detail: 'The request has no API key, or one that is not known.',
      hint: 'Send the key of this deployment in the header x-api-key; "./cifar10 key" prints it.',
    },
  ],
  [
    apigateway.ResponseType.MISSING_AUTHENTICATION_TOKEN,
    {
      status: 405,
      code: 'wrong-method',
      title: 'Method not allowed',
      detail: 'This method is not offered here.',
      hint: 'Use GET to read and POST to classify; /openapi.json lists all routes.',
    },
  ],
  [
    apigateway.ResponseType.REQUEST_TOO_LARGE,
    {
      status: 413,
      code: 'body-too-large',
      title: 'Body too large',
      detail: `The body is too large; the limit is ${MAX_BODY} bytes (${MAX_BODY / 1e6} MB).`,
      hint: PROBLEMS['body-too-large'].hint,
    },
  ],
  [
    apigateway.ResponseType.THROTTLED,
    {
      status: 429,
      code: 'throttled',
      title: 'Too many requests',
      detail: 'More requests arrive than this deployment takes.',
      hint: 'Wait a second and send it again; send several images in one request.',
      retryAfter: 1,
    },
  ],
  [
    apigateway.ResponseType.QUOTA_EXCEEDED,
    {
      status: 429,
      code: 'quota-exceeded',
      title: 'Quota exceeded',
      detail: 'This API key has used up its requests.',
      hint: 'Wait until the quota resets, or ask for a larger one.',
    },
  ],
  // Lambda refuses a call where as many run as the account or the function may run; API Gateway alone would answer 500
  // (https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html). A function that ends without an answer is
  // a failure of the same type, and no template can tell the two apart. Nearly all are refusals: the program answers its own
  // failures, and a new account runs ten calls at a time.
  [
    apigateway.ResponseType.INTEGRATION_FAILURE,
    {
      status: 429,
      code: 'busy',
      title: 'Too many requests at once',
      detail: 'The classifier did not answer: most likely too many requests run at the same time.',
      hint: 'Wait a second and send it again; send several images in one request. If it fails alone too, the log of the classifier names the cause.',
      retryAfter: 1,
    },
  ],
  [
    apigateway.ResponseType.INTEGRATION_TIMEOUT,
    {
      status: 504,
      code: 'timeout',
      title: 'Timeout',
      detail: 'The classifier did not answer in time.',
      hint: 'Send it again with fewer images.',
    },
  ],
  [
    apigateway.ResponseType.DEFAULT_4XX,
    {
      status: 400,
      code: 'bad-request',
      title: 'Bad request',
      detail: 'API Gateway refused the request.',
      hint: '/openapi.json describes what is taken.',
    },
  ],
  [
    apigateway.ResponseType.DEFAULT_5XX,
    {
      status: 502,
      code: 'no-answer',
      title: 'No answer',
      detail: 'The classifier ended without an answer.',
      hint: 'Send it again. If it fails again, its log names the cause.',
    },
  ],
];

/**
 * Where requests are signed. API Gateway answers a request without a signature and one for a method that there is none of in
 * the same way.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html
 */
const signingProblems: typeof problems = [
  [
    apigateway.ResponseType.MISSING_AUTHENTICATION_TOKEN,
    {
      status: 403,
      code: 'unsigned',
      title: 'Not signed',
      detail: 'The request is not signed, or its method is not offered here.',
      hint: 'Sign it with credentials of AWS (Signature Version 4, service execute-api), as "./cifar10 classify" does. GET reads without a signature; /openapi.json lists all routes.',
    },
  ],
  [
    apigateway.ResponseType.INVALID_SIGNATURE,
    {
      status: 403,
      code: 'invalid-signature',
      title: 'Invalid signature',
      detail: 'The signature does not belong to this request, or is too old.',
      hint: 'Check the secret key, the region, the service (execute-api), and the clock. Sign the request as it is sent.',
    },
  ],
  [
    apigateway.ResponseType.EXPIRED_TOKEN,
    {
      status: 403,
      code: 'expired-token',
      title: 'Expired credentials',
      detail: 'The session token has expired.',
      hint: 'Sign in again, and sign the request with the new credentials.',
    },
  ],
  [
    apigateway.ResponseType.ACCESS_DENIED,
    {
      status: 403,
      code: 'access-denied',
      title: 'Access denied',
      detail: 'These credentials may not call the endpoint.',
      hint: 'Their policy must allow execute-api:Invoke on it; "./cifar10 policy reader" prints one that does.',
    },
  ],
];

/** The headers of the program's own answers without the policy: it contains quotes, and API Gateway quotes values. */
const { 'content-security-policy': _, ...securityHeaders } = SECURITY_HEADERS;

/** Values by header name. API Gateway fills in `context…` and sends quoted values as they are. */
const headers = {
  'Content-Type': "'application/problem+json'",
  'x-request-id': 'context.requestId',
  ...Object.fromEntries(Object.entries(securityHeaders).map(([name, value]) => [name, `'${value}'`])),
};

export interface ProblemResponseOptions {
  /** Whether web pages of other origins may read these errors: any origin may, since they hold no data. */
  readonly crossOrigin: boolean;
  /** With `iam`, those about signatures are among them. @default key */
  readonly auth?: Auth;
}

/** Gives API Gateway's own errors the shape of the program's: RFC 9457, with a code, a hint and the request's id. */
export function addProblemResponses(
  api: apigateway.RestApi,
  { crossOrigin, auth = 'key' }: ProblemResponseOptions,
): void {
  const chosen = new Map([...problems, ...(auth === 'iam' ? signingProblems : [])]);
  for (const [type, problem] of chosen) {
    api.addGatewayResponse(type.responseType, {
      type,
      statusCode: String(problem.status),
      responseHeaders: {
        ...headers,
        ...(problem.retryAfter === undefined ? {} : { 'retry-after': `'${problem.retryAfter}'` }),
        ...(crossOrigin
          ? { 'Access-Control-Allow-Origin': "'*'", 'Access-Control-Expose-Headers': "'retry-after, x-request-id'" }
          : {}),
      },
      templates: { 'application/json': JSON.stringify(document(problem)) },
    });
  }
}

/** The problem document; API Gateway fills in `$context…`. */
function document({ status, code, title, detail, hint }: Problem) {
  return {
    type: `urn:cifar10:problem:${code}`,
    title,
    status,
    detail,
    instance: 'urn:uuid:$context.requestId',
    code,
    hint,
    error: detail,
    request_id: '$context.requestId',
  };
}
