// All languages at once, for tests and the gallery; the page loads the reader's.
import { dictionaries } from ".";
import { en } from "./en";
import { zh } from "./zh";

Object.assign(dictionaries, { en, zh });
