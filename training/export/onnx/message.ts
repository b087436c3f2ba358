/**
 * A message of protocol buffers, field by field: a program with a schema would be larger than the few fields that we write.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class Message {
  readonly #bytes: number[] = [];
  readonly #large: { readonly at: number; readonly body: Uint8Array }[] = [];

  /** @param value a whole number, 0 or more */
  number(field: number, value: number): this {
    this.#varint(field << 3);
    this.#varint(value);
    return this;
  }

  /** Of 32 bits. */
  float(field: number, value: number): this {
    this.#varint((field << 3) | 5);
    this.#bytes.push(...new Uint8Array(Float32Array.of(value).buffer));
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

  #varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes.push((rest & 0x7f) | 0x80);
    this.#bytes.push(rest);
  }
}
