/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-question-private.h"
#include "hypha-rpc-codec-private.h"

/**
 * HyphaQuestion:
 *
 * Something that a client wants the person at this machine to see or to decide.
 *
 * It is made by the core and carried by [signal@Core::question]. The host shows it, says who asks
 * ([property@Question:client] is proved, the text is the client's own), and answers it with
 * [method@Question.answer_done], [method@Question.answer_boolean],
 * [method@Question.answer_text] or [method@Question.dismiss]. When nobody waits any more, because
 * it is answered or the client has gone, [signal@Question::closed] is emitted and the host takes it
 * away; an answer that comes later is ignored.
 *
 * All texts are plain: the host must not read them as markup.
 *
 * Since: 0.1
 */
struct _HyphaQuestion
{
  GObject            parent_instance;

  HyphaQuestionKind  kind;
  char              *client;
  char              *text;
  char              *default_text;
  char              *code;
  double             percent;
  gboolean           open;
  HyphaQuestionFunc  func;
  gpointer           data;
};

enum
{
  PROP_0,
  PROP_KIND,
  PROP_CLIENT,
  PROP_TEXT,
  PROP_DEFAULT_TEXT,
  PROP_CODE,
  PROP_PERCENT,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];
static guint closed_signal;

G_DEFINE_ENUM_TYPE (HyphaQuestionKind, hypha_question_kind,
                    G_DEFINE_ENUM_VALUE (HYPHA_QUESTION_ALERT, "alert"),
                    G_DEFINE_ENUM_VALUE (HYPHA_QUESTION_CONFIRM, "confirm"),
                    G_DEFINE_ENUM_VALUE (HYPHA_QUESTION_PROMPT, "prompt"),
                    G_DEFINE_ENUM_VALUE (HYPHA_QUESTION_MESSAGE, "message"),
                    G_DEFINE_ENUM_VALUE (HYPHA_QUESTION_PROGRESS, "progress"),
                    G_DEFINE_ENUM_VALUE (HYPHA_QUESTION_LOGIN, "login"))

G_DEFINE_FINAL_TYPE (HyphaQuestion, hypha_question, G_TYPE_OBJECT)

static void
hypha_question_get_property (GObject    *object,
                             guint       property_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  HyphaQuestion *self = HYPHA_QUESTION (object);

  switch (property_id)
    {
    case PROP_KIND:
      g_value_set_enum (value, self->kind);
      break;
    case PROP_CLIENT:
      g_value_set_string (value, self->client);
      break;
    case PROP_TEXT:
      g_value_set_string (value, self->text);
      break;
    case PROP_DEFAULT_TEXT:
      g_value_set_string (value, self->default_text);
      break;
    case PROP_CODE:
      g_value_set_string (value, self->code);
      break;
    case PROP_PERCENT:
      g_value_set_double (value, self->percent);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
hypha_question_finalize (GObject *object)
{
  HyphaQuestion *self = HYPHA_QUESTION (object);

  g_free (self->client);
  g_free (self->text);
  g_free (self->default_text);
  g_free (self->code);

  G_OBJECT_CLASS (hypha_question_parent_class)->finalize (object);
}

static void
hypha_question_class_init (HyphaQuestionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = hypha_question_get_property;
  object_class->finalize = hypha_question_finalize;

  /**
   * HyphaQuestion:kind:
   *
   * What is asked.
   *
   * Since: 0.1
   */
  properties[PROP_KIND] = g_param_spec_enum ("kind", NULL, NULL, HYPHA_TYPE_QUESTION_KIND,
                                             HYPHA_QUESTION_ALERT, flags);

  /**
   * HyphaQuestion:client:
   *
   * The address of the client that asks, `workspace/client`.
   *
   * Since: 0.1
   */
  properties[PROP_CLIENT] = g_param_spec_string ("client", NULL, NULL, NULL, flags);

  /**
   * HyphaQuestion:text:
   *
   * What the client says.
   *
   * Since: 0.1
   */
  properties[PROP_TEXT] = g_param_spec_string ("text", NULL, NULL, NULL, flags);

  /**
   * HyphaQuestion:default-text:
   *
   * The answer that is proposed; only %HYPHA_QUESTION_PROMPT has one.
   *
   * Since: 0.1
   */
  properties[PROP_DEFAULT_TEXT] = g_param_spec_string ("default-text", NULL, NULL, NULL, flags);

  /**
   * HyphaQuestion:code:
   *
   * The code that the person compares; only %HYPHA_QUESTION_LOGIN has one.
   *
   * Since: 0.1
   */
  properties[PROP_CODE] = g_param_spec_string ("code", NULL, NULL, NULL, flags);

  /**
   * HyphaQuestion:percent:
   *
   * How far %HYPHA_QUESTION_PROGRESS is. It changes until the question is closed.
   *
   * Since: 0.1
   */
  properties[PROP_PERCENT] = g_param_spec_double ("percent", NULL, NULL, 0, 100, 0,
                                                  flags | G_PARAM_EXPLICIT_NOTIFY);

  g_object_class_install_properties (object_class, N_PROPS, properties);

  /**
   * HyphaQuestion::closed:
   * @self: the question
   *
   * Nobody waits for an answer any more.
   *
   * Since: 0.1
   */
  closed_signal = g_signal_new ("closed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                NULL, NULL, G_TYPE_NONE, 0);
}

static void
hypha_question_init (HyphaQuestion *self)
{
  self->open = TRUE;
}

/* Whether a character can make a text look like another one than it is. */
static gboolean
hypha_question_is_deceptive (gunichar c)
{
  return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
         (!g_unichar_isprint (c) && c != '\n' && c != '\t' && !g_unichar_ismark (c));
}

/* A peer's text as it may be shown to a person. */
static char *
hypha_question_clean (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *clean = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (clean->len + g_unichar_to_utf8 (c, NULL) + strlen ("…") > HYPHA_QUESTION_MAX_TEXT)
        {
          g_string_append (clean, "…");
          break;
        }

      if (!hypha_question_is_deceptive (c))
        g_string_append_unichar (clean, c);
    }

  return g_string_free (clean, FALSE);
}

/* client is who asks, as the router knows it; text is its own word. */
HyphaQuestion *
hypha_question_new (HyphaQuestionKind  kind,
                    const char        *client,
                    const char        *text)
{
  HyphaQuestion *self = g_object_new (HYPHA_TYPE_QUESTION, NULL);

  self->kind = kind;
  self->client = g_strdup (client);
  self->text = hypha_question_clean (text);
  return self;
}

void
hypha_question_set_default_text (HyphaQuestion *self,
                                 const char    *text)
{
  g_free (self->default_text);
  self->default_text = hypha_question_clean (text);
}

void
hypha_question_set_code (HyphaQuestion *self,
                         const char    *code)
{
  g_free (self->code);
  self->code = g_strdup (code);
}

void
hypha_question_set_percent (HyphaQuestion *self,
                            double         percent)
{
  percent = CLAMP (percent, 0, 100);
  if (self->percent >= percent && self->percent <= percent)
    return;

  self->percent = percent;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PERCENT]);
}

/* Who waits for the answer. */
void
hypha_question_set_func (HyphaQuestion     *self,
                         HyphaQuestionFunc  func,
                         gpointer           data)
{
  self->func = func;
  self->data = data;
}

/* Nobody waits any more. */
void
hypha_question_close (HyphaQuestion *self)
{
  if (!self->open)
    return;

  self->open = FALSE;
  self->func = NULL;
  g_signal_emit (self, closed_signal, 0);
}

/* A floating answer is consumed. */
static void
hypha_question_answer (HyphaQuestion *self,
                       GVariant      *answer)
{
  g_autoptr (HyphaQuestion) hold = g_object_ref (self);
  g_autoptr (GVariant) owned = g_variant_ref_sink (answer);
  HyphaQuestionFunc func = self->func;

  if (!self->open)
    return;

  hypha_question_close (self);
  if (func != NULL)
    func (self, owned, self->data);
}

/**
 * hypha_question_get_kind:
 * @self: a question
 *
 * Gets what is asked.
 *
 * Returns: the kind
 *
 * Since: 0.1
 */
HyphaQuestionKind
hypha_question_get_kind (HyphaQuestion *self)
{
  g_return_val_if_fail (HYPHA_IS_QUESTION (self), HYPHA_QUESTION_ALERT);

  return self->kind;
}

/**
 * hypha_question_get_client:
 * @self: a question
 *
 * Gets who asks. This is proved, unlike the text.
 *
 * Returns: (transfer none): the address of the client, `workspace/client`
 *
 * Since: 0.1
 */
const char *
hypha_question_get_client (HyphaQuestion *self)
{
  g_return_val_if_fail (HYPHA_IS_QUESTION (self), NULL);

  return self->client;
}

/**
 * hypha_question_get_text:
 * @self: a question
 *
 * Gets what the client says.
 *
 * Returns: (transfer none): plain text
 *
 * Since: 0.1
 */
const char *
hypha_question_get_text (HyphaQuestion *self)
{
  g_return_val_if_fail (HYPHA_IS_QUESTION (self), NULL);

  return self->text;
}

/**
 * hypha_question_get_default_text:
 * @self: a question
 *
 * Gets the answer that is proposed.
 *
 * Returns: (transfer none) (nullable): plain text
 *
 * Since: 0.1
 */
const char *
hypha_question_get_default_text (HyphaQuestion *self)
{
  g_return_val_if_fail (HYPHA_IS_QUESTION (self), NULL);

  return self->default_text;
}

/**
 * hypha_question_get_code:
 * @self: a question
 *
 * Gets the code that the person compares with the one that whoever logs in sees.
 *
 * Returns: (transfer none) (nullable): the code
 *
 * Since: 0.1
 */
const char *
hypha_question_get_code (HyphaQuestion *self)
{
  g_return_val_if_fail (HYPHA_IS_QUESTION (self), NULL);

  return self->code;
}

/**
 * hypha_question_get_percent:
 * @self: a question
 *
 * Gets how far it is.
 *
 * Returns: a number from 0 to 100
 *
 * Since: 0.1
 */
double
hypha_question_get_percent (HyphaQuestion *self)
{
  g_return_val_if_fail (HYPHA_IS_QUESTION (self), 0);

  return self->percent;
}

/**
 * hypha_question_is_open:
 * @self: a question
 *
 * Tells whether an answer would still reach anybody.
 *
 * Returns: %FALSE after [signal@Question::closed]
 *
 * Since: 0.1
 */
gboolean
hypha_question_is_open (HyphaQuestion *self)
{
  g_return_val_if_fail (HYPHA_IS_QUESTION (self), FALSE);

  return self->open;
}

/**
 * hypha_question_answer_done:
 * @self: an alert, a message or a progress
 *
 * The person has taken note.
 *
 * Since: 0.1
 */
void
hypha_question_answer_done (HyphaQuestion *self)
{
  g_return_if_fail (HYPHA_IS_QUESTION (self));
  g_return_if_fail (self->kind == HYPHA_QUESTION_ALERT || self->kind == HYPHA_QUESTION_MESSAGE ||
                    self->kind == HYPHA_QUESTION_PROGRESS);

  hypha_question_answer (self, hypha_rpc_codec_null ());
}

/**
 * hypha_question_answer_boolean:
 * @self: a confirmation or a login
 * @yes: the answer
 *
 * The person has said yes or no.
 *
 * Since: 0.1
 */
void
hypha_question_answer_boolean (HyphaQuestion *self,
                               gboolean       yes)
{
  g_return_if_fail (HYPHA_IS_QUESTION (self));
  g_return_if_fail (self->kind == HYPHA_QUESTION_CONFIRM || self->kind == HYPHA_QUESTION_LOGIN);

  hypha_question_answer (self, g_variant_new_boolean (yes));
}

/**
 * hypha_question_answer_text:
 * @self: a prompt
 * @text: (nullable): the answer; %NULL if there is none
 *
 * The person has written something.
 *
 * Since: 0.1
 */
void
hypha_question_answer_text (HyphaQuestion *self,
                            const char    *text)
{
  g_return_if_fail (HYPHA_IS_QUESTION (self));
  g_return_if_fail (self->kind == HYPHA_QUESTION_PROMPT);
  g_return_if_fail (text == NULL || g_utf8_validate (text, -1, NULL));

  hypha_question_answer (self, text != NULL ? g_variant_new_string (text) :
                                              hypha_rpc_codec_null ());
}

/**
 * hypha_question_dismiss:
 * @self: a question
 *
 * The person has closed it without an answer, which means no.
 *
 * Since: 0.1
 */
void
hypha_question_dismiss (HyphaQuestion *self)
{
  g_return_if_fail (HYPHA_IS_QUESTION (self));

  if (self->kind == HYPHA_QUESTION_CONFIRM || self->kind == HYPHA_QUESTION_LOGIN)
    hypha_question_answer (self, g_variant_new_boolean (FALSE));
  else
    hypha_question_answer (self, hypha_rpc_codec_null ());
}
