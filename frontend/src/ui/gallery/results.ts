import type { Item } from "../../sync";
import { call, done, message, step } from "./fake";

const json = (data: unknown) => done(JSON.stringify(data), 240);

/** What tools give back, and how it looks. */
export const results: Item[] = [
  message(1, "Show me orders, one customer, and a plain text."),
  step(2, "Here they are.", {
    calls: [
      call(
        "r1",
        "list_orders",
        { open: true },
        json([
          { id: 1041, customer: "Okafor & Sons", total: 1280.5, paid: true, due: null },
          { id: 1042, customer: "茶叶有限公司", total: 96, paid: false, due: "2026-12-04" },
          { id: 1043, customer: "A customer with a name that is longer than others", total: 12, paid: false },
        ]),
      ),
      call(
        "r2",
        "get_customer",
        { id: 7 },
        json({
          name: "Okafor & Sons",
          site: "https://example.org/okafor",
          tags: ["wholesale", "tea"],
          address: { street: "1 Quay", city: "Lagos" },
          notes: null,
        }),
      ),
      call(
        "r3",
        "fetch_url",
        { url: "https://example.org" },
        done("Just text, as ever.\nIn two lines.", 900),
      ),
    ],
  }),
];
