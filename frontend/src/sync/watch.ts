/** Conversations that stay live after they were left, so that going back shows them at once. */
const LINGER = 3;

/** Who looks at which conversation. */
export class Watched {
  #counts = new Map<string, number>();
  /** Left lately, the latest last. */
  #left: string[] = [];

  /** Those that somebody looks at. */
  get now(): string[] {
    return [...this.#counts.keys()];
  }

  /** Whether it is to stay live. */
  keeps(conversation: string): boolean {
    return this.#counts.has(conversation) || this.#left.includes(conversation);
  }

  /** Somebody looks; call what is returned when they no longer do. `left` is told once. */
  look(conversation: string, left: () => void): () => void {
    this.#counts.set(conversation, (this.#counts.get(conversation) ?? 0) + 1);
    this.#left = this.#left.filter((id) => id !== conversation);
    let looking = true;
    return () => {
      if (!looking) return;
      looking = false;
      this.#leave(conversation);
      left();
    };
  }

  #leave(conversation: string): void {
    const count = (this.#counts.get(conversation) ?? 1) - 1;
    if (count > 0) {
      this.#counts.set(conversation, count);
      return;
    }
    this.#counts.delete(conversation);
    this.#left = [...this.#left, conversation].slice(-LINGER);
  }
}
