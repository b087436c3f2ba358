/**
 * Writes a message of protocol buffers field by field: TensorFlow's graphs, ONNX models, TensorBoard's events. A library with
 * schemas would be larger than the few fields that these need.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class Message {
  readonly #bytes: number[] = [];
  readonly #large: { readonly at: number; readonly body: Uint8Array }[] = [];

  /** @param value a whole number; an enumeration's number; 0 or 1 for a bool */
  number(field: number, value: number): this {
    this.#varint(field << 3);
    this.#varint(value);
    return this;
  }

  /** Whole numbers of a repeated field. */
  numbers(field: number, values: readonly number[]): this {
    const packed = new Message();
    for (const value of values) packed.#varint(value);
    return values.length === 0 ? this : this.message(field, packed);
  }

  /** 32 bits. */
  float(field: number, value: number): this {
    this.#varint((field << 3) | 5);
    this.#bytes.push(...new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  /** 64 bits. */
  double(field: number, value: number): this {
    this.#varint((field << 3) | 1);
    this.#bytes.push(...new Uint8Array(Float64Array.of(value).buffer));
    return this;
  }

  bytes(field: number, body: Uint8Array): this {
    this.#varint((field << 3) | 2);
    this.#varint(body.length);
    this.#large.push({ at: this.#bytes.length, body });
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, message: Message): this {
    return this.bytes(field, message.encode());
  }

  encode(): Uint8Array {
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const { at, body } of this.#large) {
      pieces.push(Uint8Array.from(this.#bytes.slice(from, at)), body);
      from = at;
    }
    return Buffer.concat([...pieces, Uint8Array.from(this.#bytes.slice(from))]);
  }

  /** Seven bits a byte, the lowest first. A negative number is written as 64 bits of two's complement. */
  #varint(value: number): void {
    if (value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 0x7fn; rest >>= 7n) this.#bytes.push(Number(rest & 0x7fn) | 0x80);
      this.#bytes.push(Number(rest));
      return;
    }
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes.push((rest & 0x7f) | 0x80);
    this.#bytes.push(rest);
  }
}
