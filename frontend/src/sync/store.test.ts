import { expect, it, vi } from "vitest";
import { Notifier, Source, sameList, sameOr } from "./store";
import { FakeClock } from "./testing/world";

function set() {
  const clock = new FakeClock();
  const notifier = new Notifier((run) => clock.after(16, run));
  let value = { count: 0 };
  const source = new Source(notifier, value, (before) => sameOr(before, value));
  const change = (count: number): void => {
    value = { count };
    source.invalidate();
  };
  return { clock, source, change };
}

it("tells a listener once per frame, however often the value changed", () => {
  const { clock, source, change } = set();
  const heard = vi.fn();
  source.subscribe(heard);
  for (let count = 1; count <= 50; count++) change(count);
  expect(heard).not.toHaveBeenCalled();
  clock.advance(16);
  expect(heard).toHaveBeenCalledTimes(1);
  expect(source.getSnapshot()).toEqual({ count: 50 });
});

it("keeps the identity of a snapshot that did not change, and tells nobody", () => {
  const { clock, source, change } = set();
  change(1);
  const before = source.getSnapshot();
  const heard = vi.fn();
  source.subscribe(heard);
  clock.advance(16);
  change(1);
  clock.advance(16);
  heard.mockClear();
  change(1);
  clock.advance(16);
  expect(source.getSnapshot()).toBe(before);
  expect(heard).not.toHaveBeenCalled();
});

it("tells nobody who has left, also when they leave while others are told", () => {
  const { clock, source, change } = set();
  const second = vi.fn();
  const leave = source.subscribe(() => leave());
  source.subscribe(second);
  change(1);
  clock.advance(16);
  change(2);
  clock.advance(16);
  expect(second).toHaveBeenCalledTimes(2);
});

it("keeps elements that are equal, wherever they stand, and the list when all are", () => {
  const [a, b] = [
    { id: "a", n: 1 },
    { id: "b", n: 2 },
  ];
  const list = [a, b];
  expect(sameList(list, [{ ...a }, { ...b }])).toBe(list);
  const next = sameList(list, [{ id: "c", n: 0 }, { ...a }, { id: "b", n: 3 }]);
  expect(next[1]).toBe(a);
  expect(next[2]).toEqual({ id: "b", n: 3 });
  expect(sameList(list, [{ ...a }])).toEqual([a]);
});
