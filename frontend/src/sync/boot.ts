// What the page needs before anything else, fetched until it is there.
import type { BootState } from "./api";
import { backoff } from "./backoff";
import type { Http } from "./http";
import type { Cancel, Clock } from "./ports";
import { problemOf } from "./problem";

export class Booting {
  #state: BootState = { status: "loading" };
  #timer: Cancel = () => {};
  #over = false;

  constructor(
    private readonly http: Pick<Http, "boot">,
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly changed: () => void,
  ) {}

  get state(): BootState {
    return this.#state;
  }

  /**
   * Fetch now; `attempt` counts from 1 and sets how long a failure waits. What was there before stays until there is
   * something newer.
   */
  async fetch(attempt = 1): Promise<void> {
    this.#timer();
    try {
      const boot = await this.http.boot();
      this.#set({ status: "ready", boot, agents: boot.agents });
    } catch (error) {
      const problem = problemOf(error);
      const wait = 500 + backoff(attempt, this.random());
      if (problem.retry && !this.#over) {
        this.#timer = this.clock.after(wait, () => void this.fetch(attempt + 1));
      }
      if (this.#state.status === "ready") return;
      this.#set({ status: "failed", problem, retryAt: problem.retry ? this.clock.now() + wait : null });
    }
  }

  dispose(): void {
    this.#over = true;
    this.#timer();
  }

  #set(state: BootState): void {
    if (this.#over) return;
    this.#state = state;
    this.changed();
  }
}
