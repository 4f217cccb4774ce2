-module(gwport_file_tests).

-include_lib("eunit/include/eunit.hrl").
-include_lib("kernel/include/file.hrl").

%% An eighth of a node's descriptors may be in use for files: at least 16 and at most 1,024.
share_of_descriptors_test() ->
    ?assertEqual([16, 16, 16, 17, 1023, 1024, 1024], [gwport_file_count:max_open(Descriptors)
        || Descriptors <- [0, 128, 135, 136, 8191, 8192, 1048576]]).

%% What a program may say of a file, on both sides of each bound.
numbers_test() ->
    Most = 16#7fffffffffffffff,
    Good = [{0, 0, 0, 0, 1}, {16#7fffffff, Most, Most, Most - 1, 1}, {0, 0, 0, 1, Most - 1}],
    Bad = [{-1, 0, 0, 0, 1}, {16#80000000, 0, 0, 0, 1}, {0, -1, 0, 0, 1}, {0, Most + 1, 0, 0, 1},
        {0, 0, -1, 0, 1}, {0, 0, Most + 1, 0, 1}, {0, 0, 0, -1, 1}, {0, 0, 0, 0, 0}, {0, 0, 0, Most, 1},
        {0, 0, 0, 1, Most}, {0, 0, 0, 0}, []],
    ?assertEqual([true || _ <- Good], [element(1, gwport_file:spec(Term)) =:= ok || Term <- Good]),
    ?assertEqual([error || _ <- Bad], [gwport_file:spec(Term) || Term <- Bad]).

%% A file without a name stays open for whom comes next: for a second when nobody uses it, and for less when somebody was
%% not through with it. Of two the one that is dropped, which is let go last, is closed first.
nameless_files_test_() ->
    {setup, fun() -> {ok, Started} = application:ensure_all_started(gwport), Started end,
        fun(Started) -> [application:stop(App) || App <- lists:reverse(Started)] end,
        {timeout, 30, fun nameless_files/0}}.

nameless_files() ->
    [File | _] = Files = [nameless() || _ <- [1, 2]],
    try
        Openers = [A, B] = [opener(Each, 10) || Each <- Files],
        %% Who asks while it is open has the same, further behind too where it has become longer.
        ?assertEqual(A, opener(File, 5)),
        %% That it is open is known without an answer, whatever its holder is doing.
        true = erlang:suspend_process(A),
        ?assertEqual(A, opener(File, 10)),
        true = erlang:resume_process(A),
        ok = file:write(element(1, File), <<"more">>),
        ?assertEqual(A, opener(File, 14)),
        ?assertEqual({A, {error, too_short}}, asked(File, 15)),
        [erlang:monitor(process, Opener) || Opener <- Openers],
        ok = gwport_file:close(B),
        %% Its time begins so much earlier.
        receive after 200 -> ok end,
        %% Once for each that has asked, whatever it was told.
        ok = gwport_file:drop(A),
        _ = [ok = gwport_file:close(A) || _ <- lists:seq(1, 4)],
        %% It is found no more before it is closed, and who has found it just before still has it.
        gwport_test:until(fun() -> not lists:keymember(A, 2, ets:tab2list(gwport_file_opener)) end),
        A ! {using, self()},
        receive after 200 -> ok end,
        ?assert(is_process_alive(A)),
        ok = gwport_file:close(A),
        ?assertEqual([A, B], [receive {'DOWN', _, process, Opener, _} -> Opener end || _ <- Openers])
    after
        [file:close(Io) || {Io, _} <- Files]
    end.

%% An opener is counted from its beginning, whatever ends it: when one is killed with its file open, or who looks after
%% the count has been killed before, the count is what is open.
killed_opener_test_() ->
    {setup, fun() -> {ok, Started} = application:ensure_all_started(gwport), Started end,
        fun(Started) -> [application:stop(App) || App <- lists:reverse(Started)] end,
        [{timeout, 30, fun killed_opener/0}, {timeout, 30, fun killed_count/0}]}.

killed_opener() ->
    [Private, Nameless] = Files = [named(), nameless()],
    try
        Openers = [opener(File, 10) || File <- Files],
        ?assertEqual(2, open_count()),
        [exit(Opener, kill) || Opener <- Openers],
        gwport_test:until(fun() -> open_count() =:= 0 end),
        %% Another opens it.
        Again = opener(Nameless, 10),
        ?assertNot(lists:member(Again, Openers)),
        ?assertEqual(1, open_count()),
        ok = gwport_file:close(opener(Private, 10)),
        gwport_test:until(fun() -> open_count() =:= 1 end),
        ok = gwport_file:close(Again),
        gwport_test:until(fun() -> open_count() =:= 0 end)
    after
        [remove(File) || File <- Files]
    end.

killed_count() ->
    File = named(),
    Opener = opener(File, 10),
    Count = whereis(gwport_file_count),
    exit(Count, kill),
    gwport_test:until(fun() -> is_pid(whereis(gwport_file_count)) andalso whereis(gwport_file_count) =/= Count end),
    ?assertEqual(1, open_count()),
    exit(Opener, kill),
    gwport_test:until(fun() -> open_count() =:= 0 end),
    remove(File).

open_count() ->
    ets:info(gwport_file_count, size).

%% A file of ten bytes that has lost its name, and what a program would say of it.
nameless() ->
    {Name, File} = written(),
    ok = file:delete(Name),
    {File, seen_as(Name ++ " (deleted)", File)}.

%% One that is found by its name while it is opened: it is its client's own.
named() ->
    {Name, File} = written(),
    {File, seen_as(Name, File)}.

remove({File, {Descriptor, _, _}}) ->
    {ok, Name} = file:read_link("/proc/self/fd/" ++ integer_to_list(Descriptor)),
    ok = file:close(File),
    file:delete(Name).

written() ->
    Name = filename:join("/tmp", "gwport_file_" ++ os:getpid() ++ "_" ++ integer_to_list(erlang:unique_integer([positive]))),
    {ok, File} = file:open(Name, [write, read, raw]),
    ok = file:write(File, "0123456789"),
    {Name, File}.

seen_as(Name, File) ->
    {ok, #file_info{major_device = Device, inode = Inode}} = file:read_file_info(File),
    {ok, Names} = file:list_dir("/proc/self/fd"),
    [Descriptor] = [list_to_integer(Number) || Number <- Names, {ok, Of} <- [file:read_link("/proc/self/fd/" ++ Number)],
        Of =:= Name],
    {Descriptor, Device, Inode}.

%% Who has it open, so many bytes of it.
opener(File, Bytes) ->
    {Opener, {ok, _}} = asked(File, Bytes),
    Opener.

asked({_, {Descriptor, Device, Inode}}, Bytes) ->
    {ok, Spec} = gwport_file:spec({Descriptor, Device, Inode, 0, Bytes}),
    Self = self(),
    case gwport_file:open(list_to_integer(os:getpid()), Spec, fun(Who, Result) -> Self ! {Who, Result}, ok end) of
        {open, Opener, Open} -> {Opener, {ok, Open}};
        {asked, Opener} -> receive {Opener, Result} -> {Opener, Result} end
    end.
