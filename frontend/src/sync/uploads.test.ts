import { beforeEach, describe, expect, test } from "vitest";
import { Http } from "./http";
import type { HttpAnswer } from "./ports";
import { makeWorld, type World } from "./testing/world";
import { Uploads } from "./uploads";

const FILE = { name: "a.png", size: 10, type: "image/png" };
const GOOD: HttpAnswer = {
  status: 201,
  text: '{"id":"1","name":"a.png","media_type":"image/png","size":10}',
};

let world: World;
let uploads: Uploads;
let asked: string[];
let answer: HttpAnswer | null;

async function breathe(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve();
}

beforeEach(() => {
  world = makeWorld();
  asked = [];
  answer = GOOD;
  world.http = (path) => {
    asked.push(path);
    return answer;
  };
  const http = new Http(world.ports.fetch, world.ports.upload);
  uploads = new Uploads(http, world.clock, world.ports.random, () => {});
});

const states = () => uploads.all.map(({ state, code }) => [state, code]);

describe("uploads", () => {
  test("a file goes up at once and is done when the server has it", async () => {
    uploads.add("1", FILE, 100);
    expect(uploads.get("1")).toMatchObject({ state: "uploading", progress: 0.5 });
    await breathe();
    expect(uploads.get("1")).toMatchObject({ state: "done", progress: 1 });
    expect(asked).toEqual(["/api/attachments?1&a.png"]);
  });

  test("without a link it waits and goes up, under the same id, when the link is back", async () => {
    answer = null;
    uploads.add("1", FILE, 100);
    await breathe();
    expect(states()).toEqual([["waiting", null]]);
    answer = GOOD;
    uploads.resume();
    await breathe();
    expect(states()).toEqual([["done", null]]);
    expect(new Set(asked).size).toBe(1);
  });

  test("it is tried again by itself, also when the server is busy", async () => {
    answer = { status: 503, text: "" };
    uploads.add("1", FILE, 100);
    await breathe();
    answer = GOOD;
    world.clock.advance(30_000);
    await breathe();
    expect(states()).toEqual([["done", null]]);
  });

  test("what the server does not take is told with its own code, and not tried again", async () => {
    answer = { status: 415, text: '{"code":"broken_image","detail":"The picture is damaged."}' };
    uploads.add("1", FILE, 100);
    await breathe();
    expect(uploads.get("1")).toMatchObject({
      state: "failed",
      code: "broken_image",
      detail: "The picture is damaged.",
    });
    uploads.resume();
    world.clock.advance(100_000);
    await breathe();
    expect(asked).toHaveLength(1);
  });

  test("what is too large or empty is not sent at all", () => {
    uploads.add("1", FILE, 9);
    uploads.add("2", { ...FILE, size: 0 }, 9);
    expect(states()).toEqual([
      ["failed", "too_large"],
      ["failed", "empty"],
    ]);
    expect(asked).toEqual([]);
  });

  test("two at a time; one that was removed leaves its place to the next", async () => {
    world.latency = 1000;
    for (const id of ["1", "2", "3"]) uploads.add(id, FILE, 100);
    expect(states().map(([state]) => state)).toEqual(["uploading", "uploading", "waiting"]);
    uploads.remove("1");
    await breathe();
    expect(states().map(([state]) => state)).toEqual(["uploading", "uploading"]);
  });
});
