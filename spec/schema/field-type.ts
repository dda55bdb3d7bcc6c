import type { z } from "zod";
import { limits } from "../limits.ts";
import type { FieldShape } from "../operations/define.ts";
import {
  flagField,
  integerField,
  listField,
  nameField,
  nullableNameField,
  textField,
  textOrNullField,
  wordField,
} from "./fields.ts";

/** The zod type of one argument of a step. */
export function fieldType(shape: FieldShape): z.ZodType {
  switch (shape.kind) {
    case "refer":
      return shape.nullable ? nullableNameField : nameField;
    case "referList":
      return listField(nameField, limits.listed);
    case "create":
      return nameField;
    case "oneOf":
      return wordField(shape.values);
    case "subset":
      return listField(wordField(shape.values), shape.values.length)
        .refine((words) => new Set(words).size === words.length, {
          error: "a word stands in the list twice; keep one of the two",
        })
        .meta({ uniqueItems: true });
    case "integer":
      return integerField(shape.minimum, shape.maximum);
    case "flag":
      return flagField;
    case "text":
      return shape.nullable ? textOrNullField(shape.maximum) : textField.max(shape.maximum);
  }
}
