/* game_lobby.c - players who move 20 times a second, and a lobby that passes that on and keeps none of it.
 *
 * Positions are nodes below at/. The lobby has a file, for results of matches; a hook of what arrives keeps positions
 * out of it, and out of its log. In memory a position replaces the one before, so that nothing grows with time. Who is
 * too slow misses moves, and gets the next. How long the game lasts, in seconds, may be given. It prints, for one second
 * and with N for numbers that differ each time:
 *
 *     each of 3 players has moved 20 times, and has seen the last move of the others
 *     of 120 moves of others, N were seen; half of them within N ms, 99 of 100 within N ms
 *     the nodes of the lobby take N bytes, no more than half-way
 *     its file has the match and no position
 */
/* run by the tests */
#include <mytosis/mytosis.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_NAME "game_lobby.mdb"
#define PLAYERS 3
#define TICK_MS 50
#define SECONDS_MAX 3600

typedef struct player {
    struct game *game;
    char uid[8]; /* of its position */
    mt_db *db;
    mt_group *links;
    mt_connection *link;
    double last_seen[PLAYERS]; /* of each player, its latest move that was seen */
} player;

typedef struct game {
    const mt_env *env;
    mt_timer timer;
    uint64_t next_ms; /* when the next move is due, in ticks */
    unsigned moves, moves_max;
    player players[PLAYERS];
    double *delays_ms; /* of all moves that were seen */
    size_t seen;
} game;

static void must(mt_status status, const mt_error *err)
{
    if (status == MT_OK) return;
    fprintf(stderr, "game_lobby: %s\n", err && *err->text ? err->text : mt_status_text(status));
    exit(1);
}

static double milliseconds(void)
{
    struct timespec now;

    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- The lobby ---- */

/* What arrives is not stored if all of it is about positions; peers are told of it all the same. */
static void keep_out(void *ctx, mt_action *action)
{
    size_t count;
    const mt_row *rows = mt_action_rows(action, &count);
    bool is_play = true;

    (void)ctx;
    for (size_t i = 0; i < count; i++)
        is_play &= rows[i].uid.len >= 3 && memcmp(rows[i].uid.data, "at/", 3) == 0;
    if (is_play) mt_action_options(action)->storage_none = true;
    mt_action_pass(action);
}

static mt_db *open_peer(const mt_env *env, mt_group *links, const char *path)
{
    const mt_hook hook = {.point = MT_ON_UPDATE, .run = keep_out};
    mt_config config = {.size = sizeof config, .env = env, .group = links};
    mt_error err = {MT_OK, ""};
    mt_router router;
    mt_db *db;

    must(mt_router_sync(env, NULL, &router, &err), &err);
    config.router = &router;
    config.hooks = &hook;
    config.hook_count = path ? 1 : 0;
    if (path) must(mt_open_path(path, &config, &db, &err), &err);
    else must(mt_open((const mt_config *[]){&config}, 1, &db, &err), &err);
    return db;
}

static size_t memory_of(const mt_db *db)
{
    mt_db_stats stats = {.size = sizeof stats};

    mt_db_statistics(db, &stats);
    return stats.cache_bytes;
}

/* ---- Players ---- */

static void written(void *ctx, mt_db *db, const mt_result *result)
{
    (void)ctx;
    must(result->status, mt_db_error(db));
}

/* Everybody's next move. The next but one is due a tick after it was due, however late this is. */
static void move(void *arg)
{
    game *g = arg;
    uint64_t now_ms = g->env->ticks_ms(g->env->ctx);

    g->moves++;
    for (player *p = g->players; p < g->players + PLAYERS; p++) {
        mt_field fields[] = {{.name = mt_str("move"), .value = mt_number(g->moves)},
                             {.name = mt_str("sent"), .value = mt_number(milliseconds())},
                             {.name = mt_str("x"), .value = mt_number(g->moves * 0.5)},
                             {.name = mt_str("y"), .value = mt_number(g->moves * -0.25)}};
        mt_row row = {.uid = mt_str(p->uid), .fields = fields, .count = 4};

        must(mt_write(p->db, &row, 1, NULL, written, NULL, NULL), mt_db_error(p->db));
    }
    g->next_ms += TICK_MS;
    if (g->moves < g->moves_max)
        g->env->timer_set(g->env->ctx, &g->timer, g->next_ms > now_ms ? g->next_ms - now_ms : 0);
}

static void seen(void *ctx, mt_db *db, const mt_event *event)
{
    player *p = ctx;
    mt_delta_iter iter = {.delta = NULL};
    mt_delta_node node;
    mt_field field;

    (void)db;
    while (event->origin && mt_event_node(event, &iter, &node)) {
        if (mt_node_get(node.after, mt_str("sent"), &field) != MT_OK) continue;
        p->game->delays_ms[p->game->seen++] = milliseconds() - field.value.as.number;
        if (mt_node_get(node.after, mt_str("move"), &field) != MT_OK) continue;
        p->last_seen[node.uid.data[3] - '0'] = field.value.as.number;
    }
}

static void join(game *g, size_t number, const char *url)
{
    mt_dial_options options = {.size = sizeof options, .flags = MT_CONNECTION_EPHEMERAL};
    player *p = &g->players[number];
    mt_error err = {MT_OK, ""};

    p->game = g;
    (void)snprintf(p->uid, sizeof p->uid, "at/%zu", number);
    must(mt_group_new(mt_mem_system(), &p->links), NULL);
    p->db = open_peer(g->env, p->links, NULL);
    must(mt_on(p->db, &(mt_listen){.prefix = mt_str("at/")}, seen, p, NULL), mt_db_error(p->db));
    must(mt_dial(g->env, url, &options, &p->link, &err), &err);
    must(mt_group_add(p->links, p->link), mt_group_error(p->links));
}

static void count_live(void *ctx, const mt_sync_peer *peer)
{
    *(size_t *)ctx += peer->state == MT_SYNC_LIVE;
}

static bool all_have_joined(mt_db *lobby)
{
    size_t live = 0;

    must(mt_db_status(lobby, count_live, &live), mt_db_error(lobby));
    return live == PLAYERS;
}

static bool all_is_seen(const game *g)
{
    bool is_seen = true;

    for (size_t i = 0; i < PLAYERS; i++)
        for (size_t j = 0; j < PLAYERS; j++)
            is_seen &= i == j || g->players[i].last_seen[j] == g->moves_max;
    return is_seen;
}

/* Whether the lobby has heard of each player. */
static bool has_all(const mt_db *lobby)
{
    return mt_peek(lobby, mt_str("at/0")) && mt_peek(lobby, mt_str("at/1")) &&
           mt_peek(lobby, mt_str("at/2"));
}

/* ---- The match ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void play(game *g, mt_db *lobby)
{
    mt_field field = {.name = mt_str("moves"), .value = mt_number(g->moves_max)};
    mt_row match = {.uid = mt_str("match/1"), .fields = &field, .count = 1};
    size_t half_way = 0, in_the_end;

    while (!all_have_joined(lobby)) must(g->env->turn(g->env->ctx), NULL);
    g->next_ms = g->env->ticks_ms(g->env->ctx);
    move(g);
    while (!all_is_seen(g)) {
        must(g->env->turn(g->env->ctx), NULL);
        if (half_way == 0 || g->moves <= g->moves_max / 2 || !has_all(lobby))
            half_way = memory_of(lobby);
    }
    in_the_end = memory_of(lobby);
    must(mt_write_wait(lobby, &match, 1, NULL, NULL), mt_db_error(lobby));
    printf("each of %d players has moved %u times, and has seen the last move of the others\n",
           PLAYERS, g->moves);
    qsort(g->delays_ms, g->seen, sizeof *g->delays_ms, by_size);
    printf("of %u moves of others, %zu were seen; half of them within %.2f ms, 99 of 100 within "
           "%.2f ms\n",
           g->moves * PLAYERS * (PLAYERS - 1), g->seen, g->delays_ms[g->seen / 2],
           g->delays_ms[g->seen * 99 / 100]);
    printf("the nodes of the lobby take %zu bytes, %s than half-way\n", in_the_end,
           in_the_end > half_way ? "more" : "no more");
}

/* What a store has is what is there when it is opened anew. */
static void look_into_file(void)
{
    mt_handle *match, *position;
    mt_error err = {MT_OK, ""};
    mt_db *db;

    must(mt_open_path(FILE_NAME, NULL, &db, &err), &err);
    must(mt_read_wait(db, mt_str("match/1"), NULL, &match), mt_db_error(db));
    must(mt_read_wait(db, mt_str("at/0"), NULL, &position), mt_db_error(db));
    printf("its file has %s and %s\n", match ? "the match" : "no match",
           position ? "a position" : "no position");
    mt_handle_unref(match);
    mt_handle_unref(position);
    mt_close(db);
}

int main(int argc, char **argv)
{
    unsigned long seconds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    mt_error err = {MT_OK, ""};
    game g = {.timer = {.fire = move, .arg = &g}};
    mt_server *server;
    mt_loop *loop;
    mt_db *lobby;

    must(seconds > 0 && seconds <= SECONDS_MAX ? MT_OK : MT_INVALID, NULL);
    g.moves_max = (unsigned)seconds * 1000 / TICK_MS;
    g.delays_ms = calloc((size_t)g.moves_max * PLAYERS * PLAYERS, sizeof *g.delays_ms);
    must(g.delays_ms ? MT_OK : MT_NO_MEMORY, NULL);
    (void)remove(FILE_NAME), (void)remove(FILE_NAME "-lock"); /* of the last time */
    must(mt_loop_new(mt_mem_system(), &loop), NULL);
    g.env = mt_loop_env(loop);
    must(mt_server_new(g.env, "ws://127.0.0.1:0", NULL, &server, &err), &err);
    lobby = open_peer(g.env, mt_server_group(server), FILE_NAME);
    for (size_t i = 0; i < PLAYERS; i++) join(&g, i, mt_server_url(server));
    play(&g, lobby);

    for (player *p = g.players; p < g.players + PLAYERS; p++) {
        mt_close(p->db);
        mt_connection_close(p->link);
        mt_connection_unref(p->link);
        mt_group_unref(p->links);
    }
    mt_close(lobby);
    mt_server_close(server);
    must(mt_loop_run(loop), NULL); /* until all links are gone */
    look_into_file();
    mt_loop_free(loop);
    free(g.delays_ms);
    return 0;
}
