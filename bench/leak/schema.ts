/** The published schema of scenario files, made from the parameters (UPDATE_GOLDEN=1 with its test). */
import {
  ACTION,
  KIND,
  type Parameter,
  rangeText,
  SECTIONS,
  type Section,
  TOP,
} from './parameters.ts';

type Json = Record<string, unknown>;

function valueSchema(parameter: Parameter): Json {
  if (parameter.type === 'choice') return { enum: [...parameter.choices] };
  if (parameter.type === 'name') return { type: 'string', pattern: parameter.pattern.source };
  const { min, max } = parameter;
  const range = {
    type: parameter.type === 'whole' ? 'integer' : 'number',
    minimum: min,
    maximum: max,
  };
  return parameter.orZero === true ? { anyOf: [{ const: 0 }, range] } : range;
}

function describe(parameter: Parameter): string {
  const unit = 'unit' in parameter ? ` (${parameter.unit})` : '';
  const standard = parameter.standard === undefined ? '' : `; default ${parameter.standard}`;
  return `${parameter.meaning}${unit}; ${rangeText(parameter)}${standard}`;
}

/** A value, bare or with where it comes from. */
function parameterSchema(parameter: Parameter): Json {
  const value = valueSchema(parameter);
  return {
    description: describe(parameter),
    anyOf: [
      value,
      {
        type: 'object',
        properties: { value, from: { type: 'string' } },
        required: ['value'],
        additionalProperties: false,
      },
    ],
  };
}

function sectionSchema(spec: Section, also: Json = {}): Json {
  const entries = Object.entries(spec);
  const required = entries.filter(([, parameter]) => parameter.standard === undefined);
  return {
    type: 'object',
    properties: {
      ...also,
      ...Object.fromEntries(entries.map(([key, parameter]) => [key, parameterSchema(parameter)])),
    },
    required: required.map(([key]) => key),
    additionalProperties: false,
  };
}

/** The JSON Schema of scenario files. */
export function scenarioJsonSchema(): Json {
  const text = { type: 'string' };
  const top = sectionSchema(TOP, {
    $schema: text,
    name: text,
    about: text,
    ...Object.fromEntries(
      Object.entries(SECTIONS).map(([section, spec]) => [section, sectionSchema(spec)]),
    ),
    kinds: { type: 'array', items: sectionSchema(KIND) },
    actions: { type: 'array', items: sectionSchema(ACTION) },
  });
  // A section that has values without a default must be there.
  const needed = Object.entries(SECTIONS)
    .filter(([, spec]) => Object.values(spec).some(({ standard }) => standard === undefined))
    .map(([section]) => section);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'slabsplice scenario',
    ...top,
    required: [...(top.required as string[]), ...needed],
  };
}
