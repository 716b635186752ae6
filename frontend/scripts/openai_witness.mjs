// OpenAI's own TypeScript SDK talks to a running Holdfast; what it was told, as JSON. For tests/chat/entrances/openai_api.
//
//   OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=holdfast_… node scripts/openai_witness.mjs "What time is it?"
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 2 });
const question = process.argv[2] ?? "Hi";
const messages = [{ role: "user", content: question }];

async function gathered(stream) {
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  return text;
}

async function responded(stream) {
  let text = "";
  let whole = null;
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") text += event.delta;
    if (event.type === "response.completed") whole = event.response;
  }
  return { text, whole };
}

const models = [];
for await (const model of client.models.list()) models.push(model.id);
const model = models[0];

const whole = await client.chat.completions.create({ model, messages });
const key = { headers: { "Idempotency-Key": whole.id } };
const streamed = await gathered(await client.chat.completions.create({ model, messages, stream: true }, key));
const again = await client.chat.completions.create({ model, messages }, key);
const first = await client.responses.create({ model, input: question });
const second = await responded(
  await client.responses.create({ model, input: question, previous_response_id: first.id, stream: true }),
);
let refusal = null;
try {
  await client.chat.completions.create({ model: "nobody", messages });
} catch (problem) {
  refusal = { kind: problem.constructor.name, status: problem.status, code: problem.code };
}

console.log(
  JSON.stringify({
    models,
    whole: whole.choices[0].message.content,
    finish: whole.choices[0].finish_reason,
    streamed,
    again: again.choices[0].message.content,
    first: first.output_text,
    second: second.text,
    previous: second.whole?.previous_response_id === first.id,
    refusal,
  }),
);
