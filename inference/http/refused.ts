import { UserError } from '#errors/user-error.ts';
import type { Problem } from './problem.ts';

/** Why a picture was refused. In this process there is no request that it could name. */
export type Refusal = Omit<Problem, 'instance' | 'request_id'> & Partial<Problem>;

/** The endpoint, or a model in this process, refused this picture; it may accept others. */
export class Refused extends UserError {
  override readonly name = 'Refused';
  readonly problem: Refusal;

  constructor(problem: Refusal) {
    super(problem.hint === undefined ? problem.detail : `${problem.detail} ${problem.hint}`);
    this.problem = problem;
  }
}
