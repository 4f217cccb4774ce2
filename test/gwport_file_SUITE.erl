%% Files that are part of a response without their bytes passing through a process (SPEC.md, section 15): what a client
%% gets of honest programs is what the bytes themselves would have given it; and no program can make the node wait,
%% send something else, or keep a descriptor. With gwport_handler all of it goes the usual way, and is the same.
-module(gwport_file_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").
-include_lib("kernel/include/file.hrl").

-define(SIZE, 262144).
%% The places of gwport_file_count's counts.
-define(OPENING, 1).
-define(MAX_OPEN, 2).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    gwport_test:mounts() ++ [{group, mixed}, {group, hostile}].

groups() ->
    gwport_test:mounts([whole, generated, shared, used_again, given_up, opener_killed, parts, conditionals, heads, in_turn, http2,
        not_in_other_hands, replaced_and_deleted, cut_down, slow_client, whole_behind_a_drain, nothing_left_open], [])
    %% What `swapped` leaves behind is being opened for ever, so it is the last but one.
    ++ [{hostile, [], [not_taken, of_other_rights, too_many, too_many_opening, broken_off, shrinks, out_of_order, without_asking,
        without_the_capability, no_end, program_killed, drained, swapped, nothing_left_open]}, {mixed, [], [beside_the_other_mount]}].

init_per_group(hostile, Config) ->
    gwport_test:mount(stream),
    ready([{badport, gwport_probe:build("badport")} | Config]);
init_per_group(mixed, Config) ->
    init_per_group(route, Config);
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Dir = filename:join(proplists:get_value(priv_dir, Config), "disk_" ++ atom_to_list(Mount)),
    ok = filelib:ensure_dir(filename:join(Dir, "x")),
    ok = file:write_file(filename:join(Dir, "big.bin"), rand:bytes(3000000)),
    ready([{flowport, gwport_probe:build("flowport")}, {dir, Dir}, {mount, Mount} | Config]).

%% They do not stand in Config, which is printed for each case.
bytes(Config) ->
    {ok, Bytes} = file:read_file(filename:join(proplists:get_value(dir, Config), "big.bin")),
    Bytes.

%% A first server, so that what is made once has been.
ready(Config) ->
    {ok, _} = application:ensure_all_started(gwport),
    [{fds, fds()} | Config].

end_per_group(_, _) ->
    ok.

disk(Listener, Config) ->
    gwport_probe:flow(#{env => #{"FLOWPORT_DISK" => proplists:get_value(dir, Config)},
        listener => maps:merge(#{idle_timeout => infinity}, Listener),
        routes => [{"/disk/[...]", #{app => "disk"}}]}, Config).

%% How many files were opened for responses meanwhile.
counting(Fun) ->
    counting({gwport_file, sendfile, 8}, Fun).

counting(Function, Fun) ->
    1 = erlang:trace_pattern(Function, true, [local, call_count]),
    Result = Fun(),
    {call_count, Count} = erlang:trace_info(Function, call_count),
    erlang:trace_pattern(Function, false, [local, call_count]),
    {Count, Result}.

%% Whether that many are right for the mount.
is_sent(0, Config) -> proplists:get_value(mount, Config) =:= route;
is_sent(_, Config) -> proplists:get_value(mount, Config) =:= stream.

whole(Config) ->
    %% A file with a length of its own, by http.ServeFile, and one without, by io.Copy.
    Server = disk(#{}, Config),
    Bytes = bytes(Config),
    lists:foreach(fun(Path) ->
        {Count, Answer} = counting(fun() -> gwport_test:get(Server, Path) end),
        ?assertMatch(#{status := 200, body := Bytes, complete := true}, Answer),
        ?assert(is_sent(Count, Config))
    end, ["/disk/big.bin", "/disk/copy/big.bin"]),
    gwport_probe:stop(Server).

generated(Config) ->
    %% What a handler has made goes by files in memory. Several clients read late, one after another: what waits in their
    %% sockets is each one's own meanwhile.
    Server = disk(#{}, Config),
    Bytes = bytes(Config),
    {Count, Sockets} = counting(fun() ->
        Sockets = [gwport_test:connect(Server) || _ <- lists:seq(1, 6)],
        [gwport_test:send(Socket, "GET /disk/generated/big.bin HTTP/1.1\r\nhost: x\r\n\r\n") || Socket <- Sockets],
        [?assertMatch(#{status := 200, body := Bytes, complete := true}, gwport_test:recv(Socket)) || Socket <- Sockets],
        Sockets
    end),
    ?assert(is_sent(Count, Config)),
    [gwport_test:close(Socket) || Socket <- Sockets],
    gwport_probe:stop(Server).

shared(Config) ->
    %% Smaller bodies have parts of files that they share: each client gets its own bytes, and few files are opened for
    %% all of them.
    Server = disk(#{}, Config),
    {Opened, {Sent, ok}} = counting({gwport_file_opener, open_ours, 2},
        fun() -> counting(fun() -> made(20, 100000, Server, Config) end) end),
    case proplists:get_value(mount, Config) of
        %% 320 bodies of 100 KB, of which a file has 83; some clients may come to the first one before it is known that
        %% it is shared.
        stream -> ?assertEqual(320, Sent), ?assert(Opened < 4 + 16);
        route -> ?assertEqual({0, 0}, {Sent, Opened})
    end,
    gwport_probe:stop(Server).

used_again(Config) ->
    %% Larger bodies have files of their own for the time being, and the next ones have the same files: sixteen clients
    %% need two each, whatever they ask for.
    Server = disk(#{}, Config),
    {Opened, {Sent, ok}} = counting({gwport_file_opener, open_ours, 2},
        fun() -> counting(fun() -> made(10, 1000000, Server, Config) end) end),
    case proplists:get_value(mount, Config) of
        stream -> ?assert(Sent >= 160), ?assert(Opened =< 2 * 16);
        route -> ?assertEqual({0, 0}, {Sent, Opened})
    end,
    gwport_probe:stop(Server).

%% Sixteen clients, of which each asks for its own bytes so many times.
made(Times, Size, Server, Config) ->
    Self = self(),
    Clients = [spawn_link(fun() ->
        Name = "made" ++ integer_to_list(N),
        Bytes = rand:bytes(Size),
        ok = file:write_file(filename:join(proplists:get_value(dir, Config), Name), Bytes),
        [?assertMatch(#{status := 200, body := Bytes, complete := true}, gwport_test:get(Server, "/disk/made/" ++ Name))
            || _ <- lists:seq(1, Times)],
        Self ! {self(), done}
    end) || N <- lists:seq(1, 16)],
    [receive {Client, done} -> ok end || Client <- Clients],
    ok.

given_up(Config) ->
    %% Clients that leave in the middle of a file: its program does not use it again, and so it is kept open for nobody.
    Server = #{pool := Pool} = disk(#{}, Config),
    ok = file:write_file(filename:join(proplists:get_value(dir, Config), "given_up.bin"), binary:copy(<<"x">>, 40000000)),
    Counted = {gwport_file_opener, '_', '_'},
    _ = erlang:trace_pattern(Counted, true, [local, call_count]),
    Count = fun(Function, Arity) -> element(2, erlang:trace_info({gwport_file_opener, Function, Arity}, call_count)) end,
    IsStream = proplists:get_value(mount, Config) =:= stream,
    lists:foreach(fun(_) ->
        Before = Count(used, 2),
        Socket = gwport_test:connect(Server),
        gwport_test:send(Socket, "GET /disk/generated/given_up.bin HTTP/1.1\r\nhost: x\r\n\r\n"),
        %% The second file is one of 4 MiB, more than the sockets take.
        gwport_test:until(fun() -> in_flight(Pool) =:= 1 andalso (not IsStream orelse Count(used, 2) >= Before + 2) end),
        gwport_test:close(Socket),
        gwport_test:until(fun() -> in_flight(Pool) =:= 0 end)
    end, lists:seq(1, 5)),
    gwport_test:until(fun() -> open_count() =:= 0 end),
    Dropped = Count(dropped, 1),
    _ = erlang:trace_pattern(Counted, false, [local, call_count]),
    ?assertEqual(IsStream, Dropped > 0),
    gwport_probe:stop(Server).

in_flight(Pool) ->
    {ok, [#{in_flight := N} | _]} = gwport:info(Pool),
    N.

openers(OsPid) ->
    [Opener || {{Program, _}, Opener, none} <- ets:tab2list(gwport_file_opener), Program =:= OsPid].

opener_killed(Config) ->
    %% Who holds the shared file is killed between two responses: those behind are whole all the same, and nothing is
    %% counted as open for ever. All of them have room in one file.
    Server = disk(#{}, Config),
    OsPid = gwport_test:os_pid(Server),
    ok = made(1, 100000, Server, Config),
    lists:foreach(fun(_) ->
        Openers = openers(OsPid),
        Monitors = [erlang:monitor(process, Opener) || Opener <- Openers],
        [exit(Opener, kill) || Opener <- Openers],
        [receive {'DOWN', Monitor, process, _, _} -> ok end || Monitor <- Monitors],
        ok = made(1, 100000, Server, Config)
    end, lists:seq(1, 3)),
    gwport_test:until(fun() -> open_count() =:= 0 end),
    gwport_probe:stop(Server).

parts(Config) ->
    %% Ranges, and a part of a file between bytes of another kind; the program's own place in the file moves on.
    Server = disk(#{}, Config),
    Bytes = bytes(Config),
    {Count, Answer} = counting(fun() -> gwport_test:request(Server, #{path => "/disk/big.bin",
        headers => [{"range", "bytes=100000-2000000"}]}) end),
    ?assertMatch(#{status := 206, complete := true, headers := #{<<"content-range">> := <<"bytes 100000-2000000/3000000">>}},
        Answer),
    ?assertEqual(binary:part(Bytes, 100000, 1900001), maps:get(body, Answer)),
    ?assert(is_sent(Count, Config)),
    Expected = <<"before\n", (binary:part(Bytes, 1000, 500000))/binary, "behind 501000\n">>,
    ?assertMatch(#{status := 200, body := Expected, complete := true}, gwport_test:get(Server, "/disk/limit/big.bin")),
    gwport_probe:stop(Server).

conditionals(Config) ->
    Server = disk(#{}, Config),
    #{headers := #{<<"last-modified">> := Modified}} = gwport_test:get(Server, "/disk/big.bin"),
    ?assertMatch(#{status := 304, body := <<>>}, gwport_test:request(Server, #{path => "/disk/big.bin",
        headers => [{"if-modified-since", Modified}]})),
    gwport_probe:stop(Server).

heads(Config) ->
    Server = disk(#{}, Config),
    ?assertMatch(#{status := 200, body := <<>>, headers := #{<<"content-length">> := <<"3000000">>}},
        gwport_test:request(Server, #{method => <<"HEAD">>, path => "/disk/big.bin"})),
    gwport_probe:stop(Server).

in_turn(Config) ->
    %% Pipelined requests are answered in their order, each by its own bytes.
    Server = disk(#{}, Config),
    Bytes = bytes(Config),
    Socket = gwport_test:connect(Server),
    Request = "GET /disk/big.bin HTTP/1.1\r\nhost: x\r\n\r\n",
    gwport_test:send(Socket, [Request, "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n", Request]),
    ?assertMatch(#{status := 200, body := Bytes, complete := true}, gwport_test:recv(Socket)),
    ?assertMatch(#{status := 200, complete := true}, gwport_test:recv(Socket)),
    ?assertMatch(#{status := 200, body := Bytes, complete := true}, gwport_test:recv(Socket)),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

http2(Config) ->
    %% There the bytes pass through.
    Server = disk(#{}, Config),
    Bytes = bytes(Config),
    Conn = gwport_test:h2_open(Server),
    {0, Answer} = counting(fun() -> gwport_test:h2_call(Conn, <<"GET">>, "/disk/big.bin") end),
    ?assertMatch(#{status := 200, body := Bytes}, Answer),
    gwport_h2:close(Conn),
    gwport_probe:stop(Server).

not_in_other_hands(Config) ->
    %% A listener whose owner wants no sendfile, and one with a stream handler in front that reads files by name.
    Bytes = bytes(Config),
    lists:foreach(fun(Listener) ->
        Server = disk(Listener, Config),
        {0, Answer} = counting(fun() -> gwport_test:get(Server, "/disk/big.bin") end),
        ?assertMatch(#{status := 200, body := Bytes, complete := true}, Answer),
        gwport_probe:stop(Server)
    end, [#{sendfile => false},
        #{stream_handlers => [cowboy_compress_h, gwport_pipeline_h, cowboy_stream_h]}]).

beside_the_other_mount(Config) ->
    %% A listener may have both mounts. A route's responses are sent by another process than the request's, which is not told
    %% what has become of a file: they have none.
    Server = disk(#{stream_handlers => [gwport_pipeline_h, gwport_stream_h, cowboy_stream_h]}, Config),
    Bytes = bytes(Config),
    lists:foreach(fun(Path) ->
        ?assertMatch({0, #{status := 200, body := Bytes, complete := true}},
            counting(fun() -> gwport_test:get(Server, Path) end))
    end, ["/disk/big.bin", "/disk/copy/big.bin", "/disk/generated/big.bin", "/disk/made/big.bin"]),
    gwport_probe:stop(Server).

replaced_and_deleted(Config) ->
    %% What was opened is what is sent, whatever becomes of its name: the client has taken none of it when that goes.
    Server = disk(#{}, Config),
    Bytes = rand:bytes(20000000),
    File = filename:join(proplists:get_value(dir, Config), "changing.bin"),
    lists:foreach(fun(Change) ->
        ok = file:write_file(File, Bytes),
        Socket = gwport_test:connect(Server),
        gwport_test:send(Socket, "GET /disk/changing.bin HTTP/1.1\r\nhost: x\r\n\r\n"),
        gwport_test:until(fun() -> has_open(Server, File) end),
        ok = Change(File),
        ?assertMatch(#{status := 200, body := Bytes, complete := true}, gwport_test:recv(Socket)),
        gwport_test:close(Socket)
    end, [fun file:delete/1, fun(Name) ->
        ok = file:write_file(Name ++ ".new", rand:bytes(100)),
        file:rename(Name ++ ".new", Name)
    end]),
    gwport_probe:stop(Server).

has_open(Server, File) ->
    Dir = "/proc/" ++ integer_to_list(gwport_test:os_pid(Server)) ++ "/fd",
    {ok, Names} = file:list_dir(Dir),
    lists:member({ok, File}, [file:read_link(filename:join(Dir, Name)) || Name <- Names]).

cut_down(Config) ->
    %% A file that is cut down while its client has not read it: the response is visibly not whole.
    Server = disk(#{}, Config),
    File = filename:join(proplists:get_value(dir, Config), "cut.bin"),
    ok = file:write_file(File, binary:copy(<<"x">>, 40000000)),
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, "GET /disk/cut.bin HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> has_open(Server, File) end),
    cut(File),
    ?assertMatch(#{status := 200, complete := false}, gwport_test:recv(Socket)),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

slow_client(Config) ->
    %% One that leaves in the middle: nothing is left of its response on either side.
    Server = #{pool := Pool} = disk(#{}, Config),
    File = filename:join(proplists:get_value(dir, Config), "slow.bin"),
    ok = file:write_file(File, binary:copy(<<"x">>, 40000000)),
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, "GET /disk/slow.bin HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> has_open(Server, File) end),
    gwport_test:close(Socket),
    gwport_test:until(fun() -> not has_open(Server, File) end),
    gwport_test:until(fun() -> in_flight(Pool) =:= 0 end),
    gwport_probe:stop(Server).

whole_behind_a_drain(Config) ->
    %% A port that drains while a file is under way ends behind it.
    Server = #{pool := Pool} = disk(#{}, Config),
    Bytes = binary:copy(<<"x">>, 20000000),
    File = filename:join(proplists:get_value(dir, Config), "drained.bin"),
    ok = file:write_file(File, Bytes),
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, "GET /disk/drained.bin HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> has_open(Server, File) end),
    Owner = gwport_attack:find(owner, Pool),
    Monitor = erlang:monitor(process, Owner),
    ok = gwport_port:drain(Owner),
    ?assertMatch(#{status := 200, body := Bytes, complete := true}, gwport_test:recv(Socket)),
    receive {'DOWN', Monitor, process, Owner, _} -> ok end,
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

nothing_left_open(Config) ->
    %% Of all that came before, the BEAM has no descriptor more.
    Before = proplists:get_value(fds, Config),
    gwport_test:until(fun() -> case fds() -- Before of [] -> true; More -> More end end).

%% Files that the BEAM has open, by name, but for what a test's machinery has.
fds() ->
    {ok, Names} = file:list_dir("/proc/self/fd"),
    [File || Name <- Names, {ok, File} <- [file:read_link("/proc/self/fd/" ++ Name)],
        string:find(File, "disk_") =/= nomatch orelse string:find(File, "badport") =/= nomatch
            orelse string:find(File, "memfd:gwport") =/= nomatch orelse string:find(File, "fifo") =/= nomatch orelse string:find(File, "/proc/") =/= nomatch].

%% Programs that name what they should not

hostile(Config) ->
    gwport_probe:bad("files", Config).

of_file() -> binary:copy(<<0>>, ?SIZE).
of_chunks() -> binary:copy(<<"c">>, ?SIZE).

not_taken(Config) ->
    %% What is no file, or not the one that the program says, or shorter, is not opened, or not sent: the program is
    %% told so, and its client has the bytes from itself.
    Server = hostile(Config),
    Sent = of_file(),
    ?assertMatch(#{status := 200, body := Sent, complete := true}, gwport_test:get(Server, "/file/honest")),
    Bytes = of_chunks(),
    [?assertMatch({Kind, #{status := 200, body := Bytes, complete := true}},
        {Kind, gwport_test:get(Server, "/file/" ++ Kind)})
        || Kind <- ["fifo", "directory", "device", "proc", "other", "closed", "short"]],
    works(Server),
    gwport_probe:stop(Server).

%% A program with fewer rights could hold by its name what it must not read.
of_other_rights(Config) ->
    Name = filename:join(proplists:get_value(priv_dir, Config), "rights.bin"),
    ok = file:write_file(Name, <<"0123456789">>),
    {ok, #file_info{major_device = Device, inode = Inode}} = file:read_file_info(Name),
    {ok, Spec} = gwport_file:spec({0, Device, Inode, 0, 10}),
    ?assertMatch({ok, _}, opened("", Name, Spec)),
    case os:cmd("id -u") of
        "0\n" ->
            %% A container's root may not be able to give up the last of these.
            Fewer = "setpriv --bounding-set=-dac_override,-dac_read_search",
            [?assertEqual({Wrapper, {error, other_rights}}, {Wrapper, opened(Wrapper, Name, Spec)}) || Wrapper <- [
                "setpriv --reuid=65534 --clear-groups", "setpriv --regid=65534 --clear-groups", "setpriv --groups=65534"
                | [Fewer || os:cmd(Fewer ++ " echo yes") =:= "yes\n"]]];
        _ ->
            {comment, "Only root can give a process other rights."}
    end.

%% What comes of opening the standard input of a process with that file.
opened(Wrapper, Name, Spec) ->
    Port = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", "exec " ++ Wrapper ++ " sleep 60 < '" ++ Name ++ "'"]}, exit_status]),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    gwport_test:until(fun() -> {ok, <<"sleep\n">>} =:= file:read_file(lists:concat(["/proc/", OsPid, "/comm"])) end),
    Self = self(),
    {asked, Opener} = gwport_file:open(OsPid, Spec, fun(Who, Result) -> Self ! {Who, Result}, ok end),
    Result = receive {Opener, Got} -> Got end,
    gwport_file:close(Opener),
    gwport_probe:os_kill("KILL", OsPid),
    receive {Port, {exit_status, _}} -> Result end.

%% Neither the program nor the node's files are harmed.
works(Server) ->
    ?assertMatch(#{status := 200, complete := true}, gwport_test:get(Server, "/ok")),
    {ok, _} = file:read_file(code:which(?MODULE)),
    ok.

swapped(Config) ->
    %% A descriptor that is a pipe without a writer and a file in turn. Where the pipe is opened, its opener waits for
    %% ever: there are so few of those that the node's files do not stand still, and no client waits for them.
    Server = #{pool := Pool} = hostile(Config),
    Self = self(),
    Clients = [spawn_link(fun() ->
        Self ! {self(), [gwport_test:get(Server, "/file/swapped") || _ <- lists:seq(1, 4)]}
    end) || _ <- lists:seq(1, 16)],
    Answers = lists:append([receive {Client, Got} -> Got end || Client <- Clients]),
    ?assertEqual([], [Answer || Answer = #{body := Body} <- Answers,
        not maps:get(complete, Answer) orelse not lists:member(Body, [of_file(), of_chunks()])]),
    works(Server),
    {ok, [#{os_pid := OsPid}]} = gwport:info(Pool),
    gwport_probe:stop(Server),
    ?assert(gwport_probe:gone(OsPid)).

broken_off(Config) ->
    %% A file whose size was never true, a part that cannot be, and a program that gives up.
    Server = hostile(Config),
    [?assertMatch({Kind, #{status := 200, complete := false}}, {Kind, gwport_test:get(Server, "/file/" ++ Kind)})
        || Kind <- ["sys", "huge", "negative", "abort"]],
    works(Server),
    gwport_probe:stop(Server).

shrinks(Config) ->
    %% One that does not is whole.
    {Server, Whole} = under_way(Config),
    Bytes = binary:copy(of_file(), 64),
    ?assertMatch(#{status := 200, body := Bytes, complete := true}, gwport_test:recv(Whole)),
    Socket = large(Server),
    cut(hd(open_files())),
    ?assertMatch(#{status := 200, complete := false}, gwport_test:recv(Socket)),
    works(Server),
    gwport_probe:stop(Server).

cut(File) ->
    {ok, Io} = file:open(File, [read, write, raw]),
    {ok, _} = file:position(Io, 1000),
    ok = file:truncate(Io),
    ok = file:close(Io).

%% Files of the program's that the BEAM has open. They have no other name any more.
open_files() ->
    {ok, Names} = file:list_dir("/proc/self/fd"),
    [Open || Name <- Names, Open <- ["/proc/self/fd/" ++ Name], {ok, File} <- [file:read_link(Open)],
        string:find(File, "badport") =/= nomatch].

out_of_order(Config) ->
    %% Nothing may stand behind a file before the host is through with it.
    Server = hostile(Config),
    [?assertMatch({Kind, #{complete := false}}, {Kind, gwport_test:get(Server, "/file/" ++ Kind)})
        || Kind <- ["twice", "chunk-behind", "fin-behind"]],
    works(Server),
    gwport_probe:stop(Server).

without_asking(Config) ->
    %% On HTTP/2 the program was not told that it may.
    Server = hostile(Config),
    Conn = gwport_test:h2_open(Server),
    ?assertMatch(#{complete := false}, gwport_test:h2_call(Conn, <<"GET">>, "/file/honest")),
    ?assertMatch(#{status := 200}, gwport_test:h2_call(Conn, <<"GET">>, "/ok")),
    gwport_h2:close(Conn),
    works(Server),
    gwport_probe:stop(Server).

without_the_capability(Config) ->
    %% A program that has not named it breaks the wire.
    Server = gwport_probe:bad("good", Config),
    ?assertMatch(#{complete := false}, gwport_test:get(Server, "/file/honest")),
    gwport_probe:stop(Server).

no_end(Config) ->
    %% The file has gone, and the response does not end: nothing is held open for it.
    Server = hostile(Config),
    Sockets = [begin
        Socket = gwport_test:connect(Server),
        gwport_test:send(Socket, "GET /file/no-end HTTP/1.1\r\nhost: x\r\n\r\n"),
        Socket
    end || _ <- lists:seq(1, 20)],
    Bytes = of_file(),
    [?assertMatch(#{body := Bytes}, gwport_test:recv(Socket)) || Socket <- Sockets],
    nothing_left_open(Config),
    lists:foreach(fun gwport_test:close/1, Sockets),
    works(Server),
    gwport_probe:stop(Server).

program_killed(Config) ->
    outlives(fun(Server) -> gwport_probe:os_kill("KILL", gwport_test:os_pid(Server)) end, Config).

drained(Config) ->
    %% It ends at the drain, with a file under way.
    outlives(fun(#{pool := Pool}) -> gwport_port:drain(gwport_attack:find(owner, Pool)) end, Config).

%% The program has ended before its client reads. What was to come of it is the file, which is open here.
outlives(End, Config) ->
    {Server = #{pool := Pool}, Socket} = under_way(Config),
    Monitor = erlang:monitor(process, gwport_attack:find(owner, Pool)),
    ok = End(Server),
    receive {'DOWN', Monitor, process, _, _} -> ok end,
    #{status := 200, complete := true, body := Body} = gwport_test:recv(Socket),
    ?assertEqual(16 bsl 20, byte_size(Body)),
    nothing_left_open(Config),
    gwport_probe:stop(Server).

%% A file of 16 MiB is open for a client that does not read yet.
under_way(Config) ->
    Server = hostile(Config),
    {Server, large(Server)}.

large(Server) ->
    gwport_test:until(fun() -> open_files() =:= [] end),
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, "GET /file/large HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> open_files() =/= [] end),
    Socket.

too_many(Config) ->
    %% As many as the node may have open at once are taken; of one more the program sends the bytes.
    Server = hostile(Config),
    Counts = counts(),
    Most = atomics:get(Counts, ?MAX_OPEN),
    gwport_test:until(fun() -> open_count() =:= 0 end),
    Socket = large(Server),
    try
        ok = atomics:put(Counts, ?MAX_OPEN, 1),
        ?assertEqual(chunks, how(Server)),
        ok = atomics:put(Counts, ?MAX_OPEN, 2),
        ?assertEqual(file, how(Server))
    after
        ok = atomics:put(Counts, ?MAX_OPEN, Most)
    end,
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

too_many_opening(Config) ->
    %% Files whose opening waits for somebody else: their clients have them from the program after a second. With five
    %% of those one more file can be opened, with six it cannot, until one of them has been.
    Server = hostile(Config),
    Counts = counts(),
    gwport_test:until(fun() -> atomics:get(Counts, ?OPENING) =:= 0 end),
    leased(5, Server),
    ?assertEqual(5, atomics:get(Counts, ?OPENING)),
    ?assertEqual(file, how(Server)),
    leased(1, Server),
    ?assertEqual(6, atomics:get(Counts, ?OPENING)),
    ?assertEqual(chunks, how(Server)),
    works(Server),
    gwport_probe:stop(Server),
    gwport_test:until(fun() -> atomics:get(Counts, ?OPENING) =:= 0 end),
    Next = hostile(Config),
    ?assertEqual(file, how(Next)),
    gwport_probe:stop(Next).

leased(Files, Server) ->
    Self = self(),
    Clients = [spawn_link(fun() -> Self ! {self(), gwport_test:get(Server, "/file/leased")} end)
        || _ <- lists:seq(1, Files)],
    Bytes = of_chunks(),
    [receive {Client, Got} -> ?assertMatch(#{body := Bytes, complete := true}, Got) end || Client <- Clients].

counts() ->
    {ok, Counts} = gwport_seen:find(gwport_file_count),
    Counts.

open_count() ->
    ets:info(gwport_file_count, size).

%% How an honest program's file has come to its client.
how(Server) ->
    #{body := Body, complete := true} = gwport_test:get(Server, "/file/honest"),
    case {of_file(), of_chunks()} of
        {Body, _} -> file;
        {_, Body} -> chunks
    end.
