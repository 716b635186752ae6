import { describe, expect, test } from "vitest";
import { follows, left, type Place, rise } from "./stickToEnd";

const at = (offset: number, height: number, viewport: number): Place => ({ offset, height, viewport });

describe("who follows the end", () => {
  const end = at(1347, 1836, 489);

  test("a banner that goes while a whole answer arrives is not the reader scrolling up", () => {
    // As Chromium told it: the box grew by the banner's 45 px, the list was not measured yet, then it was.
    const moved = at(1302, 3453, 534);
    expect(left(moved)).toBe(1617);
    expect(follows(true, end, moved, false)).toBe(true);
  });

  test("content that shrinks moves the offset up, and the end stays followed", () => {
    expect(follows(true, end, at(1200, 1689, 489), false)).toBe(true);
    expect(follows(true, end, at(1200, 1900, 489), false)).toBe(true);
  });

  test("a reader who scrolls up stops following, also while the answer grows, also by a little", () => {
    expect(follows(true, end, at(1000, 1836, 489), true)).toBe(false);
    expect(follows(true, end, at(1340, 1836, 489), true)).toBe(false);
    expect(follows(true, end, at(1300, 1900, 489), true)).toBe(false);
  });

  test("a movement up within an unchanged box is meant, whoever makes it", () => {
    expect(follows(true, end, at(900, 1836, 489), false)).toBe(false);
  });

  test("what grows below unsticks nobody", () => {
    expect(follows(true, end, at(1347, 1900, 489), false)).toBe(true);
    expect(follows(false, at(900, 1836, 489), at(900, 1900, 489), false)).toBe(false);
  });

  test("who comes near the end again follows it again", () => {
    const up = at(900, 1836, 489);
    expect(follows(false, up, at(1200, 1836, 489), true)).toBe(false);
    expect(follows(false, up, at(1310, 1836, 489), true)).toBe(true);
    expect(follows(false, up, at(1347, 1836, 489), true)).toBe(true);
  });

  test("who is not following is not made to by a layout that moves up", () => {
    expect(follows(false, at(900, 1836, 489), at(800, 1700, 534), false)).toBe(false);
  });
});

test("a key that leaves the end goes a line, nearly what is in sight, or all the way", () => {
  expect(["ArrowUp", "PageUp", " ", "Home"].map((key) => rise(key, 500))).toEqual([
    40,
    450,
    450,
    Number.POSITIVE_INFINITY,
  ]);
});
