/** One call of a oneDNN primitive, as `ONEDNN_VERBOSE=profile_exec` prints it. */
export interface Primitive {
  /** oneDNN's name of the primitive, such as `convolution` or `reorder`. */
  readonly kind: string;
  /** For example `brg_conv_fwd:avx512_core`; empty for plain matrix products. */
  readonly implementation: string;
  /** `forward_training`, `backward_data`, `backward_weights`, …; `undef` if not applicable. */
  readonly propagation: string;
  /** Memory formats with their types, such as `src:f32::blocked:acdb::f0 …`. */
  readonly memory: string;
  /** Shapes, such as `mb512_ic3oc32_ih32oh32kh3sh1dh0ph1_iw32ow32kw3sw1dw0pw1`. */
  readonly problem: string;
  readonly milliseconds: number;
}

/**
 * @param line a line of the output of a process that runs with `ONEDNN_VERBOSE=profile_exec`
 * @returns undefined if the line does not report an executed primitive
 */
export function parsePrimitive(line: string): Primitive | undefined {
  const fields = line.trimEnd().split(',');
  const [marker, version, subject, event, , kind, implementation, propagation, memory, , , problem, time, ...rest] =
    fields;
  if (marker !== 'onednn_verbose' || version !== 'v1' || subject !== 'primitive' || event !== 'exec') return undefined;
  if (time === undefined || rest.length > 0 || !/^\d+(\.\d+)?(e[+-]?\d+)?$/.test(time)) return undefined;
  return {
    kind: kind!,
    implementation: implementation!,
    propagation: propagation!,
    memory: memory!,
    problem: problem!,
    milliseconds: Number(time),
  };
}
