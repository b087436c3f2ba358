/** So few pictures are classified in the thread that has them sooner than others are started. */
export const FEW = 64;
