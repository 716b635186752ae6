import { Component, Fragment, type ReactNode } from "react";

/** What fails is put up anew so many times within `CALM_MS`; then it is taken for a fault that stays. */
const MAX_REMOUNTS = 2;
const CALM_MS = 10_000;

interface Props {
  fallback: ReactNode;
  children: ReactNode;
}

interface State {
  broken: boolean;
  generation: number;
}

/**
 * Keeps a failure inside: one bad row must not take the page with it. What is inside is put up anew first, because most
 * failures that are not ours come from the document: the browser's own translation moves texts into elements of its
 * own, and React cannot remove them any more. What fails again is replaced by `fallback`.
 */
export class Guard extends Component<Props, State> {
  override state: State = { broken: false, generation: 0 };
  #failures: number[] = [];

  static getDerivedStateFromError(): Partial<State> {
    return { broken: true };
  }

  override componentDidCatch(): void {
    const now = Date.now();
    this.#failures = [...this.#failures.filter((at) => at > now - CALM_MS), now];
    if (this.#failures.length > MAX_REMOUNTS) return;
    this.setState(({ generation }) => ({ broken: false, generation: generation + 1 }));
  }

  override render(): ReactNode {
    if (this.state.broken) return this.props.fallback;
    return <Fragment key={this.state.generation}>{this.props.children}</Fragment>;
  }
}
