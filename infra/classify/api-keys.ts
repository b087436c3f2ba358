import { CfnCondition, CfnParameter, Fn } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';

/**
 * Which of the two keys are valid, in the order in which they were made. A rotation alternates between them: it makes the other
 * one, and deletes the older when all callers have the newer.
 */
export type ValidApiKeys = (typeof validApiKeys)[number];

export const validApiKeys = ['first', 'first, second', 'second', 'second, first'] as const;

/** The parameter of the stack that says so. A deployment leaves it as it is, and a rotation changes nothing else. */
export const validApiKeysParameter = 'ValidApiKeys';

export interface ApiKeyIds {
  /** Of the key that was made last. */
  readonly newest: string;
  /** Of the key before it, during a rotation. */
  readonly previous: string;
  /** Whether there is a key before it. */
  readonly isRotating: CfnCondition;
}

/**
 * Two keys of an API, of which one is there, and both during a rotation (`./cifar10 key rotate`). CloudFormation makes and
 * deletes them, so that the next deployment finds them as it knows them.
 */
export function addApiKeys(api: apigateway.RestApi, plan: apigateway.UsagePlan): ApiKeyIds {
  const valid = new CfnParameter(api, validApiKeysParameter, {
    description: 'Which API keys are valid, the newest last. Changed by "./cifar10 key rotate" alone.',
    default: 'first' satisfies ValidApiKeys,
    allowedValues: [...validApiKeys],
  });
  valid.overrideLogicalId(validApiKeysParameter);
  const isOneOf = (id: string, ...values: readonly ValidApiKeys[]) =>
    new CfnCondition(api, id, {
      expression: Fn.conditionOr(...values.map((value) => Fn.conditionEquals(valid.valueAsString, value))),
    });
  const [first, second] = [
    addApiKey(api, plan, 'Key', isOneOf('HasFirstKey', 'first', 'first, second', 'second, first')),
    addApiKey(api, plan, 'SecondKey', isOneOf('HasSecondKey', 'second', 'first, second', 'second, first')),
  ];
  const isSecondNewest = isOneOf('IsSecondKeyNewest', 'second', 'first, second');
  return {
    newest: either(isSecondNewest, second, first),
    previous: either(isSecondNewest, first, second),
    isRotating: isOneOf('IsKeyRotating', 'first, second', 'second, first'),
  };
}

/** @returns its id */
function addApiKey(api: apigateway.RestApi, plan: apigateway.UsagePlan, id: string, condition: CfnCondition): string {
  const before = new Set(plan.node.children);
  const key = api.addApiKey(id);
  plan.addApiKey(key);
  const made = [key.node.defaultChild, ...plan.node.children.filter((child) => !before.has(child))];
  for (const resource of made) (resource as apigateway.CfnApiKey).cfnOptions.condition = condition;
  return key.keyId;
}

function either(condition: CfnCondition, yes: string, no: string): string {
  return Fn.conditionIf(condition.logicalId, yes, no).toString();
}
