/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-dialog.h"
#include "hypha-question-dialog.h"
#include "hypha-question-private.h"
#include "test-utils.h"

/* A question before a person: what comes of it, and what it looks like. */
typedef struct
{
  HyphaQuestion *question;
  GtkWidget     *dialog;  /* weak */
  GVariant      *answer;
} Asked;

static void
answered_cb (HyphaQuestion *question,
             GVariant      *answer,
             gpointer       data)
{
  Asked *self = data;

  self->answer = g_variant_ref (answer);
}

static gboolean
is_mapped (gpointer data)
{
  return gtk_widget_get_mapped (data);
}

static Asked *
asked_new (HyphaQuestionKind  kind,
           const char        *text,
           GtkWindow         *parent)
{
  Asked *self = g_new0 (Asked, 1);

  self->question = hypha_question_new (kind, "ws-a/client", text);
  hypha_question_set_default_text (self->question, "proposed");
  hypha_question_set_code (self->question, "ABCD-EFGH");
  hypha_question_set_percent (self->question, 40);
  hypha_question_set_func (self->question, answered_cb, self);
  g_set_weak_pointer (&self->dialog, hypha_question_dialog_new (self->question, parent,
                                                                "ws-a/client"));
  hypha_dialog_present (self->dialog);
  g_assert_true (test_wait (is_mapped, self->dialog));
  return self;
}

static void
asked_free (Asked *self)
{
  if (self->dialog != NULL)
    gtk_window_destroy (GTK_WINDOW (self->dialog));
  g_clear_weak_pointer (&self->dialog);
  g_assert_finalize_object (self->question);
  g_clear_pointer (&self->answer, g_variant_unref);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Asked, asked_free)

static gboolean
is_answered (gpointer data)
{
  Asked *self = data;

  return self->answer != NULL;
}

static void
assert_answer (Asked      *self,
               const char *wanted)
{
  g_autofree char *got = NULL;

  g_assert_true (test_wait (is_answered, self));
  got = g_variant_print (self->answer, FALSE);
  g_assert_cmpstr (got, ==, wanted);
  g_assert_false (hypha_question_is_open (self->question));
}

static void
assert_responds (HyphaQuestionKind  kind,
                 const char        *response,
                 const char        *wanted)
{
  g_autoptr (Asked) self = asked_new (kind, "text", NULL);

  adw_message_dialog_response (ADW_MESSAGE_DIALOG (self->dialog), response);
  assert_answer (self, wanted);
}

static void
test_answers (void)
{
  assert_responds (HYPHA_QUESTION_LOGIN, "yes", "true");
  assert_responds (HYPHA_QUESTION_LOGIN, "no", "false");
  assert_responds (HYPHA_QUESTION_CONFIRM, "yes", "true");
  assert_responds (HYPHA_QUESTION_CONFIRM, "no", "false");
  assert_responds (HYPHA_QUESTION_PROMPT, "yes", "'proposed'");
  assert_responds (HYPHA_QUESTION_PROMPT, "no", "nothing");
  assert_responds (HYPHA_QUESTION_ALERT, "no", "nothing");
  assert_responds (HYPHA_QUESTION_MESSAGE, "no", "nothing");
  assert_responds (HYPHA_QUESTION_PROGRESS, "no", "nothing");
}

/* A key that was meant for something else agrees to nothing. */
static void
test_keys_refuse (void)
{
  static const HyphaQuestionKind kinds[] = { HYPHA_QUESTION_LOGIN, HYPHA_QUESTION_CONFIRM };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (Asked) enter = asked_new (kinds[i], "text", NULL);
      g_autoptr (Asked) escape = asked_new (kinds[i], "text", NULL);

      g_assert_cmpstr (adw_message_dialog_get_default_response (ADW_MESSAGE_DIALOG (enter->dialog)),
                       ==, "no");
      gtk_widget_activate_default (enter->dialog);
      assert_answer (enter, "false");
      gtk_window_close (GTK_WINDOW (escape->dialog));
      assert_answer (escape, "false");
    }
}

static gboolean
is_null (gpointer data)
{
  return *(gpointer *) data == NULL;
}

/* Nobody waits any more. */
static void
test_closed (void)
{
  g_autoptr (Asked) self = asked_new (HYPHA_QUESTION_CONFIRM, "text", NULL);

  hypha_question_close (self->question);
  g_assert_true (test_wait (is_null, &self->dialog));
  g_assert_null (self->answer);
}

static void
test_window_goes (void)
{
  GtkWidget *window = gtk_window_new ();
  g_autoptr (Asked) self = NULL;

  gtk_window_present (GTK_WINDOW (window));
  self = asked_new (HYPHA_QUESTION_LOGIN, "text", GTK_WINDOW (window));
  gtk_window_destroy (GTK_WINDOW (window));
  g_assert_true (test_wait (is_null, &self->dialog));
  assert_answer (self, "false");
}

/* What a client says is text, whatever it looks like. */
static void
test_no_markup (void)
{
  g_autoptr (Asked) self = asked_new (HYPHA_QUESTION_ALERT, "<b>x</b> & y", NULL);
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (self->dialog);

  g_assert_false (adw_message_dialog_get_body_use_markup (dialog));
  g_assert_false (adw_message_dialog_get_heading_use_markup (dialog));
  g_assert_cmpstr (adw_message_dialog_get_body (dialog), ==, "<b>x</b> & y");
}

static void
test_progress (void)
{
  g_autoptr (Asked) self = asked_new (HYPHA_QUESTION_PROGRESS, "", NULL);
  GtkWidget *bar = adw_message_dialog_get_extra_child (ADW_MESSAGE_DIALOG (self->dialog));

  g_assert_cmpfloat_with_epsilon (gtk_progress_bar_get_fraction (GTK_PROGRESS_BAR (bar)), 0.4, 1e-9);
  hypha_question_set_percent (self->question, 75);
  g_assert_cmpfloat_with_epsilon (gtk_progress_bar_get_fraction (GTK_PROGRESS_BAR (bar)), 0.75, 1e-9);
}

static gboolean
count_frame (GtkWidget     *widget,
             GdkFrameClock *clock,
             gpointer       data)
{
  guint *frames = data;

  (*frames)++;
  return G_SOURCE_CONTINUE;
}

static gboolean
has_frames (gpointer data)
{
  return *(guint *) data >= 30;
}

/* The picture is for people to look at; here it has only to be one. */
static void
save_picture (GtkWidget  *window,
              const char *name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, name, NULL);
  g_autoptr (GdkPaintable) paintable = gtk_widget_paintable_new (window);
  g_autoptr (GtkSnapshot) snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) node = NULL;
  g_autoptr (GdkTexture) texture = NULL;
  guint frames = 0;
  guint id = gtk_widget_add_tick_callback (window, count_frame, &frames, NULL);

  /* It opens with an animation. */
  g_assert_true (test_wait (has_frames, &frames));
  gtk_widget_remove_tick_callback (window, id);
  gdk_paintable_snapshot (paintable, snapshot, gtk_widget_get_width (window),
                          gtk_widget_get_height (window));
  node = gtk_snapshot_free_to_node (g_steal_pointer (&snapshot));
  g_assert_nonnull (node);
  texture = gsk_renderer_render_texture (gtk_native_get_renderer (GTK_NATIVE (window)), node, NULL);
  g_assert_true (gdk_texture_save_to_png (texture, path));
}

static void
test_pictures (void)
{
  g_autoptr (Asked) login = asked_new (HYPHA_QUESTION_LOGIN,
                                       "workspace: desktop\nuser: alice\nhours: 24.0", NULL);
  g_autoptr (Asked) prompt = asked_new (HYPHA_QUESTION_PROMPT, "How many?", NULL);
  g_autoptr (Asked) progress = asked_new (HYPHA_QUESTION_PROGRESS, "", NULL);

  save_picture (login->dialog, "question-login.png");
  save_picture (prompt->dialog, "question-prompt.png");
  save_picture (progress->dialog, "question-progress.png");
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  adw_init ();
  g_test_add_func ("/gtk/question-dialog/answers", test_answers);
  g_test_add_func ("/gtk/question-dialog/keys-refuse", test_keys_refuse);
  g_test_add_func ("/gtk/question-dialog/closed", test_closed);
  g_test_add_func ("/gtk/question-dialog/window-goes", test_window_goes);
  g_test_add_func ("/gtk/question-dialog/no-markup", test_no_markup);
  g_test_add_func ("/gtk/question-dialog/progress", test_progress);
  g_test_add_func ("/gtk/question-dialog/pictures", test_pictures);
  return g_test_run ();
}
