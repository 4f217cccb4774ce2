%% One contestant: a BEAM that serves the bench's loads on a port of its own, which it prints:
%%
%%     erl -noshell ... -s bench_server main -extra contestant=gun32 app=FILE files=DIR upstream=N
%%
%% It says `BENCH port N`, or `BENCH na REASON` where this machine cannot have the contestant, on
%% standard output, and ends when its standard input does: whoever started it may have been killed.
-module(bench_server).

-export([main/0]).

-define(LISTENER, bench).

main() ->
    Options = maps:from_list([split(Arg) || Arg <- init:get_plain_arguments()]),
    ok = load(Options),
    {ok, _} = application:ensure_all_started(cowboy),
    try bench_contestants:listener(maps:get("contestant", Options), Options) of
        {na, Reason} -> io:format("BENCH na ~ts~n", [Reason]);
        {ok, Protocol} -> io:format("BENCH port ~b~n", [listen(Options, Protocol)])
    catch
        Class:Reason:Stack ->
            io:format(standard_error, "~p: ~p~n~p~n", [Class, Reason, Stack]),
            io:format("BENCH error ~0p~n", [Reason])
    end,
    %% Whoever waits for a line must not hold up the boot: the node could not be stopped in order.
    _ = spawn(fun serve/0),
    ok.

%% All modules that are not OTP's, in a random order of that seed.
load(#{"order" := Seed}) ->
    _ = rand:seed(exsss, list_to_integer(Seed)),
    Files = [File || Folder <- code:get_path(),
        string:prefix(Folder, code:lib_dir()) =:= nomatch,
        File <- filelib:wildcard(filename:join(Folder, "*.beam"))],
    Modules = lists:usort([list_to_atom(filename:basename(File, ".beam")) || File <- Files]),
    Random = lists:sort([{rand:uniform(), Module} || Module <- Modules]),
    lists:foreach(fun({_, Module}) -> _ = code:ensure_loaded(Module) end, Random);
load(_) ->
    ok.

%% Lines on standard input are commands, for the profile.
serve() ->
    case io:get_line("") of
        eof -> halt(0);
        {error, _} -> halt(0);
        "msacc " ++ Ms -> profile(msacc, Ms);
        "counts " ++ Ms -> profile(counts, Ms)
    end.

profile(What, Ms) ->
    io:format("BENCH ~s ~ts~n",
        [What, bench_profile:run(What, list_to_integer(string:trim(Ms)))]),
    serve().

split(Arg) ->
    [Key, Value] = string:split(Arg, "="),
    {Key, Value}.

%% The same for every contestant. What would end a connection in the middle of a run is off: the
%% 1,000th request on it, Cowboy's timers, ranch's 1,024 connections.
listen(Options, Protocol) ->
    Transport = #{max_connections => infinity, num_acceptors => 20, socket_opts =>
        [{ip, {127, 0, 0, 1}}, {port, 0}, {buffer, 65536}, {backlog, 16384}]},
    {ok, _} = start(Options, Transport,
        maps:merge(#{max_keepalive => 1 bsl 40, idle_timeout => infinity,
            request_timeout => infinity, inactivity_timeout => infinity,
            max_received_frame_rate => {100000000, 1000},
            max_reset_stream_rate => {100000, 1000}}, Protocol)),
    ranch:get_port(?LISTENER).

%% The certificate's key is in the same file.
start(#{"cert" := Cert}, Transport = #{socket_opts := SocketOpts}, Protocol) ->
    cowboy:start_tls(?LISTENER,
        Transport#{socket_opts := [{certfile, Cert}, {keyfile, Cert} | SocketOpts]}, Protocol);
start(_, Transport, Protocol) ->
    cowboy:start_clear(?LISTENER, Transport, Protocol).
