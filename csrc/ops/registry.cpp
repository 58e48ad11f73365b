#include "ops/registry.h"

#include <cctype>
#include <cmath>
#include <map>
#include <memory>

#include "ops/external.h"

namespace pyforge {
namespace {

struct Registry {
  std::vector<std::unique_ptr<OpDef>> defs;
  std::vector<OpGroup> groups;
  std::map<std::string, size_t, std::less<>> index;
};
Registry& registry() {
  static Registry r;
  return r;
}

const std::map<std::string_view, ArgType>& type_names() {
  static const std::map<std::string_view, ArgType> names{
      {"Tensor", ArgType::Tensor},         {"Number", ArgType::Number},
      {"Tensor|Number", ArgType::Operand}, {"int", ArgType::Int},
      {"float", ArgType::Float},           {"bool", ArgType::Bool},
      {"int[]", ArgType::IntList},         {"Tensor[]", ArgType::TensorList},
      {"dtype", ArgType::DType},           {"str", ArgType::String},
      {"Generator", ArgType::Generator},   {"float[]", ArgType::FloatList},
      {"bool[]", ArgType::BoolList}};
  return names;
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front()))) s.remove_prefix(1);
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back()))) s.remove_suffix(1);
  return s;
}

// Splits at top-level commas.
std::vector<std::string_view> split(std::string_view s) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t start = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '[' || s[i] == '(') ++depth;
    if (s[i] == ']' || s[i] == ')') --depth;
    if (s[i] == ',' && depth == 0) {
      parts.push_back(trim(s.substr(start, i - start)));
      start = i + 1;
    }
  }
  if (!trim(s.substr(start)).empty()) parts.push_back(trim(s.substr(start)));
  return parts;
}

double parse_number(std::string_view text) {
  if (text == "inf") return INFINITY;
  if (text == "-inf") return -INFINITY;
  return std::stod(std::string(text));
}

[[noreturn]] void bad_default(std::string_view text, std::string_view schema) {
  raise(ErrorKind::Runtime, "op row '", schema, "': cannot read the default '", text,
        "': is a comma missing after it, or is it of another type?");
}

void read_default(Param& p, std::string_view text, std::string_view schema) {
  Value& v = p.default_value;
  bool list = p.type == ArgType::IntList || p.type == ArgType::BoolList ||
              p.type == ArgType::FloatList || p.type == ArgType::String;
  if (text.empty() || (list && text.size() < 2)) bad_default(text, schema);
  switch (p.type) {
    case ArgType::Bool:
      v.kind = Value::IsNumber;
      v.number = Scalar(text == "True");
      break;
    case ArgType::Int:
      v.kind = Value::IsNumber;
      v.number = Scalar(static_cast<int64_t>(std::stoll(std::string(text))));
      break;
    case ArgType::Float:
    case ArgType::Number:
    case ArgType::Operand:
      v.kind = Value::IsNumber;
      v.number = text.find_first_of(".einf") == std::string_view::npos
                     ? Scalar(static_cast<int64_t>(std::stoll(std::string(text))))
                     : Scalar(parse_number(text));
      break;
    case ArgType::IntList:
      v.kind = Value::IsInts;
      for (std::string_view part : split(text.substr(1, text.size() - 2)))
        p.default_ints.push_back(std::stoll(std::string(part)));
      break;
    case ArgType::BoolList:
      v.kind = Value::IsInts;
      for (std::string_view part : split(text.substr(1, text.size() - 2)))
        p.default_ints.push_back(part == "True");
      break;
    case ArgType::FloatList:
      v.kind = Value::IsFloats;
      for (std::string_view part : split(text.substr(1, text.size() - 2)))
        p.default_floats.push_back(parse_number(part));
      break;
    case ArgType::String:
      v.kind = Value::IsString;
      p.default_string = text.substr(1, text.size() - 2);
      break;
    default:
      bad_default(text, schema);
  }
}

void parse_default(Param& p, std::string_view text, std::string_view schema) {
  p.has_default = true;
  p.default_text = text;
  if (text == "None") return;
  try {
    read_default(p, text, schema);
  } catch (const std::logic_error&) {  // stoll, stod
    bad_default(text, schema);
  }
}

Param parse_param(std::string_view text, std::string_view schema) {
  Param p;
  size_t space = text.find(' ');
  PF_CHECK(space != std::string_view::npos, Runtime, "op row '", schema,
           "': parameter without name");
  std::string_view type = text.substr(0, space), rest = trim(text.substr(space));
  if (type.back() == '?') {
    p.nullable = true;
    type.remove_suffix(1);
  }
  if (type.ends_with("!)")) {
    p.mutated = true;
    type = type.substr(0, type.find('('));
  }
  auto found = type_names().find(type);
  PF_CHECK(
      found != type_names().end(), Runtime, "op row '", schema, "': unknown type '", type,
      "'; there are Tensor, Tensor[], int, float, bool, str, dtype, int[], float[], bool[], each "
      "also with ? for None");
  p.type = found->second;
  size_t equals = rest.find('=');
  p.name = trim(rest.substr(0, equals));
  if (equals != std::string_view::npos) parse_default(p, trim(rest.substr(equals + 1)), schema);
  return p;
}

}  // namespace

std::string title_of(std::string_view op) {
  std::string title;
  bool upper = true;  // as str.title(): a letter after anything but a letter
  for (char c : op) {
    auto letter = static_cast<unsigned char>(c);
    if (c != '_') title += upper ? static_cast<char>(std::toupper(letter)) : c;
    upper = !std::isalpha(letter);
  }
  return title;
}

void parse_schema(OpDef& def, std::string_view schema) {
  size_t open = schema.find('('), arrow = schema.rfind("->");
  size_t close = schema.rfind(')', arrow);
  PF_CHECK(open != std::string_view::npos && arrow != std::string_view::npos, Runtime, "op row '",
           schema, "': expected 'name(...) -> result'");
  def.name = trim(schema.substr(0, open));
  def.schema = schema;
  bool keyword_only = false;
  for (std::string_view part : split(schema.substr(open + 1, close - open - 1))) {
    if (part == "*") {
      keyword_only = true;
      continue;
    }
    def.params.push_back(parse_param(part, schema));
    def.params.back().keyword_only = keyword_only;
  }
  for (Param& p : def.params) {  // strings and lists live in the stored row
    p.default_value.ints = IntSpan(p.default_ints);
    p.default_value.floats = &p.default_floats;
    p.default_value.string = p.default_string;
  }
  std::string_view result = trim(schema.substr(arrow + 2));
  def.result_text = result;
  if (result.starts_with('(')) {
    for (std::string_view part : split(result.substr(1, result.size() - 2))) {
      size_t space = part.find(' ');
      if (space != std::string_view::npos) def.result_names.emplace_back(trim(part.substr(space)));
    }
  }
}

OpDef& register_op(std::string_view schema, BoxedFn call, const std::vector<ArgType>& types,
                   uint32_t flags, std::string_view doc) {
  auto def = std::make_unique<OpDef>();
  parse_schema(*def, schema);
  def->doc = doc;
  def->flags = flags;
  def->call = call;
  PF_CHECK(def->params.size() == types.size(), Runtime, "op row '", schema,
           "': the function takes ", types.size(), " parameters");
  for (size_t i = 0; i < types.size(); ++i)
    PF_CHECK(def->params[i].type == types[i], Runtime, "op row '", schema, "': parameter ",
             def->params[i].name, " differs in type from the function's");
  Registry& r = registry();
  auto [it, inserted] = r.index.try_emplace(def->name, r.groups.size());
  if (inserted) r.groups.push_back({def->name, {}});
  r.groups[it->second].overloads.push_back(def.get());
  r.defs.push_back(std::move(def));
  return *r.defs.back();
}

const std::vector<OpGroup>& op_groups() { return registry().groups; }

const OpGroup* find_op(std::string_view name) {
  Registry& r = registry();
  auto it = r.index.find(name);
  if (it != r.index.end()) return &r.groups[it->second];
  const ExternalOp* external = find_external(name);
  return external ? &external->group : nullptr;
}

}  // namespace pyforge
