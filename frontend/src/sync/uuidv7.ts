// UUIDv7 (RFC 9562): 48 bits of milliseconds, then a counter, then randomness. Ids of one maker ascend strictly, also
// within a millisecond and when the clock steps back, so that their order is the order in which they were made.

/** A maker of UUIDv7 texts, lower case. `bytes` must be unguessable. */
export function uuidv7Maker(now: () => number, bytes: (count: number) => Uint8Array): () => string {
  let last = 0;
  let counter = 0;
  return () => {
    const random = bytes(10);
    const at = Math.floor(now());
    if (at > last) {
      last = at;
      // Starts in the lower half of the 12 bits, so that there is room to count.
      counter = (((random[0] ?? 0) << 8) | (random[1] ?? 0)) & 0x7ff;
    } else if (++counter > 0xfff) {
      last += 1;
      counter = (random[1] ?? 0) & 0xff;
    }
    const time = hex(last, 12);
    const variant = hex(0x80 | ((random[2] ?? 0) & 0x3f), 2) + hex(random[3] ?? 0, 2);
    const tail = Array.from(random.subarray(4, 10), (byte) => hex(byte, 2)).join("");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(counter, 3)}-${variant}-${tail}`;
  };
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, "0");
}
