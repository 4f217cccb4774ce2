%% The node that is soaked: a pool of the Go program, and a listener for each mount.
%%
%%     erl -noshell ... -s soak_server main -extra app=FILE ledger=FILE file=FILE ports=N deadline=MS
%%
%% It prints `SOAK listen NAME PORT' for each listener and `SOAK ready'. A line `ID WORD ARGUMENT' on its standard input
%% is answered by `SOAK ID ...'; it ends when its standard input does.
-module(soak_server).

-export([main/0]).

-define(POOL, soak).

main() ->
    Options = maps:from_list([split(Arg) || Arg <- init:get_plain_arguments()]),
    %% Programs are killed here all the time.
    ok = logger:set_primary_config(level, emergency),
    {ok, _} = application:ensure_all_started(cowboy),
    {ok, _} = application:ensure_all_started(gwport),
    {ok, _} = supervisor:start_child(gwport_sup, gwport:child_spec(pool(Options))),
    Mount = #{pool => ?POOL, deadline => number("deadline", Options)},
    listen(route, #{env => #{dispatch => cowboy_router:compile([{'_', [{'_', gwport_handler, Mount}]}])},
        stream_handlers => [gwport_pipeline_h, cowboy_stream_h]}),
    listen(stream, #{gwport => gwport_stream_h:mounts([{'_', [{'_', Mount}]}]),
        stream_handlers => [gwport_pipeline_h, gwport_stream_h, cowboy_stream_h]}),
    say(["ready"]),
    %% Whoever waits for a line must not hold up the boot: the node could not be stopped in order.
    _ = spawn(fun serve/0),
    ok.

split(Arg) ->
    [Key, Value] = string:split(Arg, "="),
    {Key, Value}.

number(Key, Options) ->
    list_to_integer(maps:get(Key, Options)).

%% One that is stopped is found within some three seconds, so that another fault has its turn.
pool(Options = #{"app" := App, "ledger" := Ledger, "file" := File}) ->
    #{name => ?POOL, command => App, args => ["-ledger", Ledger, "-file", File], ports => number("ports", Options),
        ping_interval => 500, ping_timeout => 2000, drain_timeout => 8000, max_restart_delay => 500}.

%% What the README tells listeners, and no limit of Cowboy's own on how often clients come and leave.
listen(Name, Protocol) ->
    {ok, _} = cowboy:start_clear(Name, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}, {buffer, 65536}],
        max_connections => infinity}, maps:merge(#{idle_timeout => infinity, inactivity_timeout => infinity,
        request_timeout => infinity, max_keepalive => 1 bsl 40, initial_stream_flow_size => 1048576,
        max_stream_buffer_size => 262144, stream_window_data_threshold => 0,
        max_received_frame_rate => {100000000, 1000}, max_reset_stream_rate => {100000, 1000},
        max_cancel_stream_rate => {100000, 1000}}, Protocol)),
    say(["listen ", atom_to_list(Name), " ", integer_to_list(ranch:get_port(Name))]).

serve() ->
    case io:get_line("") of
        Line when is_list(Line) ->
            [Id | Words] = string:lexemes(string:trim(Line), " "),
            _ = spawn(fun() -> say([Id, " ", lists:join(" ", answer(Words))]) end),
            serve();
        _ ->
            halt(0)
    end.

%% The OS processes that serve.
answer(["ports"]) ->
    {ok, Ports} = gwport:info(?POOL),
    [integer_to_list(OsPid) || #{state := serving, os_pid := OsPid} <- Ports];
answer(["reload"]) ->
    case gwport:reload(?POOL) of
        {ok, _} -> ["ok"];
        Error -> [io_lib:format("~0p", [Error])]
    end;
answer(["resize", Ports]) ->
    [io_lib:format("~0p", [gwport:resize(?POOL, list_to_integer(Ports))])];
answer(["figures"]) ->
    %% Garbage is nobody's leak.
    lists:foreach(fun erlang:garbage_collect/1, processes()),
    %% The code server has a row for each module, and a module is loaded when it is first needed.
    Rows = [{Name, more(Name, Size)} || Table <- ets:all(), Name <- [name(Table)], Name =/= "code", Size <- [ets:info(Table, size)],
        is_integer(Size)],
    [[Name, "=", integer_to_list(Count)] || {Name, Count} <- [{"processes", erlang:system_info(process_count)},
        {"ports", length(erlang:ports())}, {"tables", length(Rows)}, {"bytes", erlang:memory(total)}
        | [{"rows." ++ Name, lists:sum([Size || {N, Size} <- Rows, N =:= Name])}
            || Name <- lists:usort([N || {N, _} <- Rows])]]].

%% The last hundred lines of the pool's programs are kept, besides a row that says how many there were.
more("gwport_log_lines", Size) -> max(0, Size - 101);
more(_, Size) -> Size.

%% Tables without a name of their own are counted as the module has called them.
name(Table) ->
    case ets:info(Table, name) of
        undefined -> "gone";
        Name -> atom_to_list(Name)
    end.

say(Line) ->
    io:put_chars(["SOAK ", Line, "\n"]).
