// Where one was, kept on this device and per person.
import { describe, expect, it } from "vitest";
import { KeptPlaces } from "./places";
import { makeWorld } from "./testing/world";

const PLACE = { item: "m1", seq: 7, offset: 12 };

function kept(user = "alice", world = makeWorld()) {
  const places = new KeptPlaces(world.ports.storage, () => world.clock.now());
  places.identify(user);
  return { places, world };
}

describe("a place", () => {
  it("is there after a reload, for the same person", () => {
    const { places, world } = kept();
    places.set("c", PLACE);
    expect(kept("alice", world).places.get("c")).toEqual(PLACE);
    expect(kept("bob", world).places.get("c")).toBeNull();
    expect(places.get("other")).toBeNull();
  });

  it("is none at the end, and after logging out", () => {
    const { places, world } = kept();
    places.set("c", PLACE);
    places.set("c", null);
    expect(places.get("c")).toBeNull();
    places.set("c", PLACE);
    places.set("d", PLACE);
    places.clear();
    places.set("d", PLACE);
    expect(kept("alice", world).places.get("d")).toBeNull();
  });

  it("that another version has written is none, and old ones go", () => {
    const { world } = kept();
    const { storage } = world.ports;
    storage.set("holdfast.place.alice.x", '{"row": 1}');
    for (let n = 0; n < 205; n++)
      storage.set(`holdfast.place.alice.c${n}`, JSON.stringify({ ...PLACE, at: n }));
    const { places } = kept("alice", world);
    expect(storage.get("holdfast.place.alice.x")).toBeNull();
    expect(places.get("c4")).toBeNull();
    expect(places.get("c5")).toEqual(PLACE);
  });
});
