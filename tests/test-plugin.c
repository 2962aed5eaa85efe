/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-plugin-private.h"

#include <string.h>

#include "hypha-plugin-scanner-private.h"
#include "test-utils.h"

#define CONFIG "<config lang=\"json\">{\"name\": \"My Plugin\", \"type\": \"window\"}</config>\n"

static HyphaPlugin *
parse_tagged (const char *source,
              const char *tag)
{
  g_autoptr (GError) error = NULL;
  HyphaPlugin *plugin = hypha_plugin_parse (source, tag, &error);

  g_assert_no_error (error);
  g_assert_nonnull (plugin);
  return plugin;
}

static HyphaPlugin *
parse (const char *source)
{
  return parse_tagged (source, NULL);
}

static void
assert_refused (const char *source,
                int         code,
                const char *problem)
{
  g_autofree char *message = g_strconcat ("Failed to parse the plugin file, error: ", problem, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (hypha_plugin_parse (source, NULL, &error));
  g_assert_error (error, HYPHA_ERROR, code);
  g_assert_cmpstr (error->message, ==, message);
}

static char *
print_field (HyphaPlugin *plugin,
             const char  *field)
{
  GVariant *config = hypha_plugin_get_config (plugin);
  g_autoptr (GVariant) value = g_variant_lookup_value (config, field, NULL);

  return value != NULL ? g_variant_print (value, FALSE) : NULL;
}

static void
assert_field (HyphaPlugin *plugin,
              const char  *field,
              const char  *expected)
{
  g_autofree char *printed = print_field (plugin, field);

  g_assert_cmpstr (printed, ==, expected);
}

/* The content of the n-th record in a list of the config. */
static char *
dup_content (HyphaPlugin *plugin,
             const char  *list,
             gsize        n)
{
  g_autoptr (GVariant) records = NULL;
  g_autoptr (GVariant) record = NULL;
  char *content = NULL;

  records = g_variant_lookup_value (hypha_plugin_get_config (plugin), list, G_VARIANT_TYPE ("av"));
  g_assert_nonnull (records);
  g_assert_cmpuint (g_variant_n_children (records), >, n);
  g_variant_get_child (records, n, "v", &record);
  g_assert_true (g_variant_lookup (record, "content", "s", &content));
  return content;
}

static void
assert_content (HyphaPlugin *plugin,
                const char  *list,
                gsize        n,
                const char  *expected)
{
  g_autofree char *content = dup_content (plugin, list, n);

  g_assert_cmpstr (content, ==, expected);
}

static void
assert_count (HyphaPlugin *plugin,
              const char  *list,
              gsize        expected)
{
  g_autoptr (GVariant) records = NULL;

  records = g_variant_lookup_value (hypha_plugin_get_config (plugin), list, G_VARIANT_TYPE ("av"));
  g_assert_nonnull (records);
  g_assert_cmpuint (g_variant_n_children (records), ==, expected);
}

/* Scans a source and prints its blocks: type, attributes, and content in brackets. */
static void
assert_blocks (const char *source,
               const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) blocks = hypha_plugin_scan (source, &error);
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < blocks->len; i++)
    {
      HyphaPluginBlock *block = g_ptr_array_index (blocks, i);

      g_string_append_printf (text, "%s[%.*s]", block->type, (int) (block->end - block->start),
                              source + block->start);
    }

  g_assert_cmpstr (text->str, ==, expected);
}

static void
assert_attributes (const char *source,
                   const char *expected)
{
  g_autoptr (GPtrArray) blocks = hypha_plugin_scan (source, NULL);
  g_autofree char *printed = NULL;
  g_autoptr (GVariant) wanted = g_variant_ref_sink (g_variant_new_parsed (expected));
  HyphaPluginBlock *block;
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_assert_cmpuint (blocks->len, ==, 1);
  block = g_ptr_array_index (blocks, 0);
  g_assert_cmpuint (g_variant_n_children (block->attributes), ==, g_variant_n_children (wanted));
  g_variant_iter_init (&iter, wanted);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) got = g_variant_lookup_value (block->attributes, name, NULL);

      g_assert_nonnull (got);
      g_assert_true (g_variant_equal (got, value));
    }
}

static void
test_plugin_blocks (void)
{
  assert_blocks ("", "");
  assert_blocks ("no tags < at all", "");
  assert_blocks ("<docs>a</docs> text <config>{}</config>", "docs[a]config[{}]");
  assert_blocks ("<!doctype html><!-- <config>x</config> --><docs>a</docs>", "docs[a]");
  assert_blocks ("<![CDATA[ <docs>x</docs> ]]><docs>a</docs>", "docs[a]");
  assert_blocks ("<docs>a<!-- </docs> -->b</docs>", "docs[a<!-- </docs> -->b]");
  assert_blocks ("<docs>a</DOCS ><window/><x y=1 />", "docs[a]window[]x[]");
  assert_blocks ("</docs></x><docs>a", "docs[a]");
  assert_blocks ("<docs>a</docs foo>b", "docs[a]");
  assert_blocks ("<docs>1 < 2 && 3 <4 </ docs> </></docs>", "docs[1 < 2 && 3 <4 </ docs> </>]");
  assert_blocks ("<docs", "");
  assert_blocks ("<docs a='x>b</docs>", "");
  assert_blocks ("<docs>a<!-- b</docs>", "docs[a<!-- b]");
}

static void
test_plugin_nesting (void)
{
  assert_blocks ("<window><div><window>x</window></div>y</window>z",
                 "window[<div><window>x</window></div>y]");
  assert_blocks ("<window><div><window>x</div>y</window>z", "window[<div><window>x</div>y]");
  assert_blocks ("<window><p>a<br>b<img src=x></window><docs>c</docs>",
                 "window[<p>a<br>b<img src=x>]docs[c]");
  assert_blocks ("<window><B>a</b></window>", "window[<B>a</b>]");
  assert_blocks ("<window><div>a</span></window>", "window[<div>a</span>]");
  assert_blocks ("<window><br/><config>{}</config></window>", "window[<br/><config>{}</config>]");
}

static void
test_plugin_raw_text (void)
{
  assert_blocks ("<script>a < b; \"</div>\"; <docs></script ><docs>c</docs>",
                 "script[a < b; \"</div>\"; <docs>]docs[c]");
  assert_blocks ("<script><!-- </script><docs>c</docs>", "script[<!-- ]docs[c]");
  assert_blocks ("<style>a > b {}</STYLE>x", "style[a > b {}]");
  assert_blocks ("<script>'</scripts>'</script>x", "script['</scripts>']");
  assert_blocks ("<script>open", "script[open]");
  assert_blocks ("<window><script>'</window>'</script>a</window>b",
                 "window[<script>'</window>'</script>a]");
  assert_blocks ("<window><textarea></window></textarea></window>",
                 "window[<textarea></window></textarea>]");
}

static void
test_plugin_void_link (void)
{
  assert_blocks ("<link rel=a href=b><config>{}</config>", "link[]config[{}]");
  assert_blocks ("<link rel=a href=b/><config>{}</config>", "link[]config[{}]");
  assert_blocks ("<link rel=a href=b />\n<config>{}</config>", "link[]config[{}]");
  assert_blocks ("<link rel=a></link><config>{}</config>", "link[]config[{}]");
  assert_blocks ("<link rel=a>\n</link><config>{}</config>", "link[\n]config[{}]");
}

static void
test_plugin_attributes (void)
{
  assert_attributes ("<docs a b=1 c=\"x y\" d='\"' e=\"\">",
                     "{'a': <true>, 'b': <'1'>, 'c': <'x y'>, 'd': <'\"'>, 'e': <true>}");
  assert_attributes ("<docs a = 'x'\n\tb\r\n=y>", "{'a': <'x'>, 'b': <'y'>}");
  assert_attributes ("<docs a=\"&lt;&gt;&quot;&amp;&amp;lt;&nbsp;&\" />",
                     "{'a': <'<>\"&&lt;&nbsp;&'>}");
  assert_attributes ("<docs a=1 a=2>", "{'a': <'2'>}");
  assert_attributes ("<docs @click=\"a > b\" :x=1>", "{'@click': <'a > b'>, ':x': <'1'>}");
}

static void
assert_deindented (const char *text,
                   const char *expected)
{
  g_autofree char *result = hypha_plugin_deindent (text, strlen (text));

  g_assert_cmpstr (result, ==, expected);
}

static void
test_plugin_deindent (void)
{
  assert_deindented ("", "");
  assert_deindented ("a\n  b", "a\n  b");
  assert_deindented ("\n  a\n    b\n  c\n", "\na\n  b\nc\n");
  assert_deindented ("\n  a\nb\n", "\n  a\nb\n");
  assert_deindented ("\n\ta\n\t\tb", "\na\n\tb");
  assert_deindented ("\n\ta\n  b", "\n\ta\n  b");
  assert_deindented ("\n  a\n\n \n   b\n", "\na\n\n\n b\n");
  assert_deindented ("  a\r\n  b\r\n", "a\nb\n");
  assert_deindented ("\nb\n  a", "\nb\n  a");
  assert_deindented (" \n \n", " \n \n");
}

#define WHOLE \
  "<docs lang=\"markdown\">\n# Hi\n</docs>\n" \
  "<config lang=\"json\">\n{\n  \"name\": \" My first Plugin \",\n  \"type\": \"window\",\n" \
  "  \"version\": \"0.1.0\",\n  \"icon\": null,\n  \"defaults\": {\"w\": 20, \"h\": 10}\n}\n</config>\n" \
  "<script lang=\"javascript\">\n  class P {\n    run () { return 1 < 2 }\n  }\n</script>\n" \
  "<script src=\"https://x.org/a.js\"></script>\n" \
  "<window lang=\"html\">\n  <div>\n    <p>text</p>\n  </div>\n</window>\n" \
  "<style lang=\"css\" scoped>\np > b { }\n</style>\n" \
  "<link rel=\"stylesheet\" href=\"a.css\">\n" \
  "<attachment name=\"a\">data</attachment>\n"

static void
test_plugin_whole (void)
{
  g_autoptr (HyphaPlugin) plugin = parse (WHOLE);
  g_autofree char *id = NULL;

  g_assert_cmpstr (hypha_plugin_get_name (plugin), ==, " My first Plugin ");
  g_assert_cmpstr (hypha_plugin_get_plugin_type (plugin), ==, "window");
  assert_field (plugin, "version", "'0.1.0'");
  assert_field (plugin, "icon", "nothing");
  assert_field (plugin, "defaults", "{'w': <int64 20>, 'h': <int64 10>}");
  assert_field (plugin, "_id", "'_My_first_Plugin_'");
  assert_field (plugin, "runnable", "true");
  assert_field (plugin, "requirements", "[]");
  assert_field (plugin, "lang", "'javascript'");
  assert_field (plugin, "script", "''");
  assert_field (plugin, "tag", NULL);
  id = print_field (plugin, "id");
  g_assert_true (g_str_has_prefix (id, "'My_first_Plugin_"));
  g_assert_cmpuint (strlen (id), >, 50);
  assert_count (plugin, "scripts", 2);
  assert_content (plugin, "scripts", 0, "\nclass P {\n  run () { return 1 < 2 }\n}\n");
  assert_content (plugin, "windows", 0, "\n<div>\n  <p>text</p>\n</div>\n");
  assert_content (plugin, "styles", 0, "\np > b { }\n");
  assert_content (plugin, "attachments", 0, "data");
  assert_count (plugin, "links", 1);
}

static void
test_plugin_records (void)
{
  const char *source = CONFIG "<script lang=python module=m scoped src='a.py' x>p</script>";
  g_autoptr (HyphaPlugin) plugin = parse (source);
  g_autoptr (GVariant) record = NULL;
  g_autoptr (GVariant) scripts = NULL;
  g_autoptr (GVariant) attrs = NULL;
  const char *text = NULL;
  gboolean scoped = FALSE;
  gint64 start = 0;
  gint64 end = 0;

  scripts = g_variant_lookup_value (hypha_plugin_get_config (plugin), "scripts", NULL);
  g_variant_get_child (scripts, 0, "v", &record);
  g_assert_true (g_variant_lookup (record, "type", "&s", &text));
  g_assert_cmpstr (text, ==, "script");
  g_assert_true (g_variant_lookup (record, "lang", "&s", &text));
  g_assert_cmpstr (text, ==, "python");
  g_assert_true (g_variant_lookup (record, "src", "&s", &text));
  g_assert_cmpstr (text, ==, "a.py");
  g_assert_true (g_variant_lookup (record, "module", "&s", &text));
  g_assert_cmpstr (text, ==, "m");
  g_assert_true (g_variant_lookup (record, "scoped", "b", &scoped));
  g_assert_true (scoped);
  g_assert_true (g_variant_lookup (record, "start", "x", &start));
  g_assert_true (g_variant_lookup (record, "end", "x", &end));
  g_assert_cmpint (end - start, ==, 1);
  g_assert_cmpint (source[start], ==, 'p');
  attrs = g_variant_lookup_value (record, "attrs", G_VARIANT_TYPE_VARDICT);
  g_assert_cmpuint (g_variant_n_children (attrs), ==, 5);
}

static void
test_plugin_code (void)
{
  g_autoptr (HyphaPlugin) plugin = parse (CONFIG);
  const char *code = NULL;

  g_assert_true (g_variant_lookup (hypha_plugin_get_config (plugin), "code", "&s", &code));
  g_assert_cmpstr (code, ==, CONFIG);
  assert_field (plugin, "script", "nothing");
  assert_count (plugin, "scripts", 0);
  assert_count (plugin, "windows", 0);
}

#define TAGGED                                                                                     \
  "<config>{\"name\": \"x\", \"type\": {\"A\": \"window\", \"B\": \"iframe\"}, "                   \
  "\"tags\": [\"A\", \"B\"], \"env\": {\"B\": [1]}, \"requirements\": {\"A\": [\"r\"]}, "          \
  "\"runnable\": false}</config>"                                                                  \
  "<script>none</script><script tag=\"A\">a</script>"                                              \
  "<script tag=\"B\" lang=\"python\">b</script><docs>text</docs>"

static void
test_plugin_tags (void)
{
  g_autoptr (HyphaPlugin) first = parse (TAGGED);
  g_autoptr (HyphaPlugin) second = parse_tagged (TAGGED, "B");
  g_autoptr (HyphaPlugin) unknown = parse_tagged (TAGGED, "C");

  assert_field (first, "tag", "'A'");
  g_assert_cmpstr (hypha_plugin_get_plugin_type (first), ==, "window");
  assert_field (first, "script", "'a'");
  assert_field (first, "env", NULL);
  assert_field (first, "requirements", "[<'r'>]");
  assert_field (first, "runnable", "false");
  assert_count (first, "scripts", 2);
  assert_content (first, "scripts", 1, "a");

  g_assert_cmpstr (hypha_plugin_get_plugin_type (second), ==, "iframe");
  assert_field (second, "script", "'b'");
  assert_field (second, "lang", "'javascript'");
  assert_field (second, "env", "[<int64 1>]");
  assert_field (second, "requirements", "[]");

  g_assert_null (hypha_plugin_get_plugin_type (unknown));
  assert_field (unknown, "script", "'none'");
  assert_count (unknown, "scripts", 1);
}

static void
test_plugin_script_choice (void)
{
  g_autoptr (HyphaPlugin) plugin = parse (CONFIG "<script>a</script><script lang=x>b</script>");
  g_autoptr (HyphaPlugin) other = parse (CONFIG "<script tag=T lang=python>c</script>");

  assert_field (plugin, "script", "'b'");
  assert_field (plugin, "lang", "'javascript'");
  assert_field (other, "script", "'c'");
  assert_field (other, "lang", "'python'");
  assert_count (other, "scripts", 0);
}

static void
test_plugin_docs (void)
{
  g_autoptr (HyphaPlugin) plugin = parse ("<config>{\"name\": \"x\", \"docs\": \"d\"}</config>");

  assert_field (plugin, "docs", "'d'");
}

static void
test_plugin_errors (void)
{
  const int invalid = HYPHA_ERROR_INVALID_ARGUMENT;

  assert_refused ("<docs></docs>", invalid, "it has no <config> block");
  assert_refused ("<config lang=\"yaml\">name: x</config>", invalid, "YAML not supported");
  assert_refused ("<config lang=\"toml\"></config>", invalid, "the config block is not in JSON");
  assert_refused ("<config>[1]</config>", invalid, "the config block is not a JSON object");
  assert_refused ("<config></config>", invalid, "JSON is empty");
  assert_refused ("<config>{\n\"name\": }</config>", invalid,
                  "JSON is malformed at line 2, character 9");
  assert_refused ("<config>{}</config>", invalid, "the config has no name");
  assert_refused ("<config>{\"name\": 5}</config>", invalid, "the config has no name");
  assert_refused ("<config>{\"name\": \"\"}</config>", invalid, "the config has no name");
  assert_refused ("<config>{\"name\": \"x\", \"type\": {\"A\": 1}}</config>", invalid,
                  "You must use 'tags' with configurable fields.");
  assert_refused ("\xff", invalid, "it is not UTF-8 text");
}

static void
test_plugin_is_source (void)
{
  g_assert_true (hypha_plugin_is_source (WHOLE));
  g_assert_true (hypha_plugin_is_source (CONFIG));
  g_assert_true (hypha_plugin_is_source ("<config>"));
  g_assert_true (hypha_plugin_is_source ("\n<link rel=x>\n<config lang=json>{}</config>"));
  g_assert_false (hypha_plugin_is_source (""));
  g_assert_false (hypha_plugin_is_source ("https://x.org/config.imjoy.html?config="));
  g_assert_false (hypha_plugin_is_source ("<html><config>{}</config></html>"));
  g_assert_false (hypha_plugin_is_source ("<script>'<config>'</script>"));
  g_assert_false (hypha_plugin_is_source ("<configuration>{}</configuration>"));
  g_assert_false (hypha_plugin_is_source ("<!-- <config> -->"));
  g_assert_false (hypha_plugin_is_source ("<docs \xff><config>"));
}

static char *
repeat (const char *before,
        const char *item,
        guint       times,
        const char *after)
{
  GString *text = g_string_new (before);

  for (guint i = 0; i < times; i++)
    g_string_append (text, item);

  g_string_append (text, after);
  return g_string_free (text, FALSE);
}

static void
test_plugin_max_size (void)
{
  const gsize room = HYPHA_PLUGIN_MAX_SIZE - strlen (CONFIG);
  g_autofree char *filler = g_strnfill (room, 'x');
  g_autofree char *longest = g_strconcat (CONFIG, filler, NULL);
  g_autofree char *too_long = g_strconcat (longest, "x", NULL);
  g_autoptr (HyphaPlugin) plugin = parse (longest);

  assert_refused (too_long, HYPHA_ERROR_TOO_LARGE, "it is too long");
}

static void
test_plugin_max_blocks (void)
{
  g_autofree char *most = repeat (CONFIG, "<x/>", HYPHA_PLUGIN_MAX_BLOCKS - 1, "");
  g_autofree char *too_many = repeat (CONFIG, "<x/>", HYPHA_PLUGIN_MAX_BLOCKS, "");
  g_autoptr (HyphaPlugin) plugin = parse (most);

  assert_refused (too_many, HYPHA_ERROR_TOO_LARGE, "more than 1000 blocks in a plugin");
}

static void
test_plugin_max_attributes (void)
{
  g_autofree char *most = repeat (CONFIG "<x", " a=1", HYPHA_PLUGIN_MAX_ATTRIBUTES, ">");
  g_autofree char *too_many = repeat (CONFIG "<x", " a", HYPHA_PLUGIN_MAX_ATTRIBUTES + 1, ">");
  g_autoptr (HyphaPlugin) plugin = parse (most);

  assert_refused (too_many, HYPHA_ERROR_TOO_LARGE, "more than 100 attributes in a tag");
}

static void
test_plugin_max_depth (void)
{
  g_autofree char *deepest = repeat (CONFIG, "<p>", HYPHA_PLUGIN_MAX_DEPTH, "");
  g_autofree char *too_deep = repeat (CONFIG, "<p>", HYPHA_PLUGIN_MAX_DEPTH + 1, "");
  g_autoptr (HyphaPlugin) plugin = parse (deepest);

  assert_refused (too_deep, HYPHA_ERROR_TOO_LARGE, "more than 10000 open elements");
}

static void
test_plugin_max_config_size (void)
{
  const char *end = "\"}</config>";
  const char *start = "<config>{\"name\": \"";
  const guint room = HYPHA_PLUGIN_MAX_CONFIG_SIZE - strlen ("{\"name\": \"") - strlen ("\"}");
  g_autofree char *longest = repeat (start, "x", room, end);
  g_autofree char *too_long = repeat (start, "x", room + 1, end);
  g_autoptr (HyphaPlugin) plugin = parse (longest);

  assert_refused (too_long, HYPHA_ERROR_TOO_LARGE, "the config block is too long");
}

static void
test_plugin_deep_json (void)
{
  g_autofree char *source = repeat ("<config>{\"name\": \"x\", \"a\": ", "[", 100000, "</config>");

  assert_refused (source, HYPHA_ERROR_INVALID_ARGUMENT, "JSON is nested deeper than 32 levels");
}

/* A megabyte of what makes a careless scanner search the rest of the text again and again. */
static void
test_plugin_linear (void)
{
  static const struct
  {
    const char *before;
    const char *item;
  } cases[] = {
    { "", "<!--" },        { "", "<![" },      { "<script>", "</script" }, { "", "<a b='" },
    { "<window>", "</x>" }, { "", "</" },       { "", "<a b c " },          { "", "<" },
    { "", "<a b=\"x" },     { "<window>", "<a></a>" }, { "", "</x" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const gsize size = 1024 * 1024;
      g_autofree char *source = repeat (cases[i].before, cases[i].item,
                                        (guint) (size / strlen (cases[i].item)), "");
      gint64 start = g_get_monotonic_time ();

      g_assert_false (hypha_plugin_is_source (source));
      g_test_message ("%s: %" G_GINT64_FORMAT " µs", cases[i].item, g_get_monotonic_time () - start);
    }
}

static void
test_plugin_random (void)
{
  static const char *const pieces[] = {
    "<config>", "</config>", "<script",  ">",     "</script>", "<!--",  "-->",   "<",  "/>", "{\"name\":",
    "\"x\"",    "}",         "<window ", "a=",    "'",         "\"",    "</",    " ",  "\n", "<link>",
    "tag=x",    "&amp;",     "<style>",  "größe", "<![",       "]>",    "lang",  "=",  "x",  "</window>",
  };
  g_autoptr (GRand) rand = g_rand_new_with_seed (99);

  for (guint i = 0; i < 20000; i++)
    {
      GString *text = g_string_new (NULL);
      g_autofree char *source = NULL;
      g_autoptr (HyphaPlugin) plugin = NULL;

      for (gint32 n = g_rand_int_range (rand, 0, 30); n > 0; n--)
        g_string_append (text, pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))]);

      source = g_string_free (text, FALSE);
      plugin = hypha_plugin_parse (source, NULL, NULL);
      if (plugin != NULL)
        g_assert_true (hypha_plugin_is_source (source));
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/apps/plugin/blocks", test_plugin_blocks);
  g_test_add_func ("/apps/plugin/nesting", test_plugin_nesting);
  g_test_add_func ("/apps/plugin/raw-text", test_plugin_raw_text);
  g_test_add_func ("/apps/plugin/void-link", test_plugin_void_link);
  g_test_add_func ("/apps/plugin/attributes", test_plugin_attributes);
  g_test_add_func ("/apps/plugin/deindent", test_plugin_deindent);
  g_test_add_func ("/apps/plugin/whole", test_plugin_whole);
  g_test_add_func ("/apps/plugin/records", test_plugin_records);
  g_test_add_func ("/apps/plugin/code", test_plugin_code);
  g_test_add_func ("/apps/plugin/tags", test_plugin_tags);
  g_test_add_func ("/apps/plugin/script-choice", test_plugin_script_choice);
  g_test_add_func ("/apps/plugin/docs", test_plugin_docs);
  g_test_add_func ("/apps/plugin/errors", test_plugin_errors);
  g_test_add_func ("/apps/plugin/is-source", test_plugin_is_source);
  g_test_add_func ("/apps/plugin/max-size", test_plugin_max_size);
  g_test_add_func ("/apps/plugin/max-blocks", test_plugin_max_blocks);
  g_test_add_func ("/apps/plugin/max-attributes", test_plugin_max_attributes);
  g_test_add_func ("/apps/plugin/max-depth", test_plugin_max_depth);
  g_test_add_func ("/apps/plugin/max-config-size", test_plugin_max_config_size);
  g_test_add_func ("/apps/plugin/deep-json", test_plugin_deep_json);
  g_test_add_func ("/apps/plugin/linear", test_plugin_linear);
  g_test_add_func ("/apps/plugin/random", test_plugin_random);
  return g_test_run ();
}
