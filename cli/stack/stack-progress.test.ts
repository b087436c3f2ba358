import { describe, expect, it } from 'vitest';
import { describeCdkLine, parseStackProgress } from './stack-progress.ts';

describe('parseStackProgress', () => {
  it('reads a creation, which counts to a known number', () => {
    const line =
      'Cifar10 | 12/60 | 2:47:11 PM | CREATE_COMPLETE         | AWS::ApiGateway::GatewayResponse      | Classify/Api/THROTTLED (X) ';

    expect(parseStackProgress(line)).toEqual({
      done: 12,
      total: 60,
      status: 'CREATE_COMPLETE',
      type: 'AWS::ApiGateway::GatewayResponse',
    });
  });

  it('reads an update, which does not', () => {
    const line =
      'Cifar10 |   1 | 2:58:25 PM | UPDATE_IN_PROGRESS      | AWS::Lambda::Function | Classifier/Handler (Y) ';

    expect(parseStackProgress(line)).toEqual({ done: 1, status: 'UPDATE_IN_PROGRESS', type: 'AWS::Lambda::Function' });
  });

  it.each(['', '✅  Cifar10', 'Cifar10: deploying... [1/1]', 'Outputs:', 'Cifar10.StageName = prod'])(
    'finds none in %j',
    (line) => {
      expect(parseStackProgress(line)).toBeUndefined();
    },
  );
});

describe('describeCdkLine', () => {
  it.each([
    [
      'Cifar10 | 12/60 | 2:47:11 PM | CREATE_COMPLETE | AWS::S3::Bucket | Models (X) ',
      '12 of 60 resources, AWS::S3::Bucket',
    ],
    ['Bundling asset Cifar10/Classifier/Handler/Code/Stage...', 'bundle the endpoint'],
    ['Cifar10: start: Building Cifar10 Template', 'build assets'],
    ['Cifar10: start: Publishing Classifier/Handler/Code (current_account-current_region-3f9b08f7)', 'upload assets'],
    ['#12 [5/9] RUN npm ci', '#12 [5/9] RUN npm ci'],
    ['Cifar10: success: Built Cifar10 Template', undefined],
    ['', undefined],
  ])('says of %j: %s', (line, description) => {
    expect(describeCdkLine(line)).toBe(description);
  });
});
