export const MARKDOWN = `Here is a little of everything.

## A heading

A paragraph with **bold**, *italic*, ~~struck~~ text, \`inline code\`, and a [link to a page](https://example.org). An image from
elsewhere is not loaded: ![a tracking pixel](https://evil.example/pixel.png).

1. First, put the kettle on
2. Then wait
   - not too long
   - not too short
3. Pour

| City | Local time | Offset | Remark |
| --- | ---: | :---: | --- |
| Tokyo | 18:42 | +09:00 | no daylight saving time |
| Paris | 10:42 | +01:00 | one hour more<br>in summer |
| São Paulo | 06:42 | −03:00 | none since 2019 |

\`\`\`python
def brew(tea: str, minutes: float = 3.5) -> Cup:
    """Brews a cup; raises TooHot when the water boils over and nobody has been watching the kettle for a while."""
    water = Kettle().boil(until=celsius(95))
    return Cup(tea, water).steep(minutes)
\`\`\`

> Drink your tea slowly and reverently, as if it is the axis on which the world earth revolves.

HTML is text: <img src=x onerror=alert(1)> <b>not bold</b>

- [x] Kettle
- [ ] Cups

**重点：**中文也要好看，标点、**加粗。**后面的字和 English 混排都正常。
`;

export const LONG = `Tea begins as a leaf that was chewed, long before it was a drink. Stories put the first cup in the hands of Shennong, into whose hot water a few leaves fell; the records are younger and duller, and they speak of medicine.

By the time of the Tang, tea was steamed, pressed into cakes, roasted, ground and boiled with a pinch of salt. Lu Yu wrote **The Classic of Tea** then, the first book about nothing else, and was particular about water: from mountains best, from rivers next, from wells last.

Under the Song it was whisked to a froth in dark bowls, and monks carried that way to Japan, where it stayed. The Ming gave up the cakes and steeped whole leaves in a pot, which is how most of the world has done it since.

Caravans took it north over the steppe and ships took it west. It was taxed, smuggled, raced for and fought over; it was thrown into a harbour. Seeds and people who knew what to do with them were brought to Assam and Darjeeling, and a garden plant became a plantation.

Today it is the most drunk beverage but water. Somewhere a kettle is always on.`;
