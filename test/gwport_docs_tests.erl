%% What a user sees of the documentation in a shell, and which modules are a user's. What these have is
%% made when the application is compiled (cmd/gwport/docs.sh), of the comments in their sources.
-module(gwport_docs_tests).

-include_lib("eunit/include/eunit.hrl").
-include_lib("kernel/include/eep48.hrl").

%% All others are gwport's own, and say so: `%% @hidden' stands in front of their -module.
public() ->
    [gwport, gwport_handler, gwport_stream_h, gwport_pipeline_h, gwport_plug, 'Elixir.Gwport.Plug',
        gwport_gateway, gwport_validate, gwport_status_page, gwport_prometheus, gwport_inject, gwport_dev,
        gwport_mw_request_id, gwport_mw_server_timing, gwport_mw_cors, gwport_mw_basic_auth,
        gwport_mw_method_override, gwport_mw_gzip, gwport_mw_conditional, gwport_mw_prefix].

every_module_is_public_or_hidden_test() ->
    Hidden = [Module || {Module, Source} <- sources(),
        re:run(Source, "^%% @hidden\n-module", [multiline]) =/= nomatch],
    ?assertEqual(lists:sort(public()), lists:sort([Module || {Module, _} <- sources()] -- Hidden)).

%% As somebody types it. (A shell that has no terminal reads its input line by line.)
a_shell_shows_them_test_() ->
    {timeout, 60, fun() ->
        Shown = shell("h(gwport, request, 3).\nh(gwport_handler).\nht(gwport_gateway, input).\n"),
        [?assertMatch({match, _}, re:run(Shown, Text)) || Text <- ["Calls an app without HTTP",
            "A pool under a Cowboy route", "Reads the request's body"]]
    end}.

shell(Input) ->
    Erl = filename:join(code:root_dir(), "bin/erl"),
    Ebin = filename:dirname(code:which(gwport)),
    Port = open_port({spawn_executable, "/bin/sh"}, [stderr_to_stdout, exit_status, binary,
        {env, [{"ERL_FLAGS", false}, {"ERL_AFLAGS", false}, {"ERL_ZFLAGS", false}]},
        {args, ["-c", "printf '%s' \"$1\" | exec \"$0\" -boot no_dot_erlang -pa \"$2\"", Erl,
            Input ++ "halt().\n", Ebin]}]),
    collect(Port, []).

collect(Port, Acc) ->
    receive
        {Port, {data, Data}} -> collect(Port, [Acc, Data]);
        {Port, {exit_status, 0}} -> iolist_to_binary(Acc)
    end.

every_public_module_has_docs_test_() ->
    [{atom_to_list(Module), fun() ->
        #docs_v1{module_doc = About} = docs(Module),
        ?assertMatch(#{<<"en">> := _}, About),
        ?assertEqual([], undocumented(Module))
    end} || Module <- public()].

%% What a web server or a library calls is @private: no user calls it.
undocumented(Module) ->
    [{Kind, Name, Arity} || {{Kind, Name, Arity}, Doc} <- entries(Module), not is_map(Doc),
        Doc =/= hidden, Kind =:= function orelse is_exported({Name, Arity}, Module)].

%% (edoc sees a type's comment where that stands right behind its last word.)
is_exported(Type, Module) ->
    lists:any(fun({attribute, _, export_type, Types}) -> lists:member(Type, Types); (_) -> false end,
        forms(Module)).

docs(Module) ->
    {ok, Docs} = code:get_doc(Module),
    Docs.

entries(Module) ->
    #docs_v1{docs = Docs} = docs(Module),
    [{Entry, Doc} || {Entry, _, _, Doc, _} <- Docs].

%% Dialyzer finds what is wrong in a call by the types of its spec. So nothing in those of a user's
%% functions is any map, any list or any term, save what has a name that tells what it is, as in
%% `State :: term()': that is somebody else's, and may be anything.
specs_say_what_they_take_test_() ->
    [{atom_to_list(Module), fun() -> ?assertEqual([], vague(Module)) end} || Module <- public()].

%% What is @private has no docs: edoc of OTP 25 and 27 says that it is hidden, that of 29 does not list it.
vague(Module) ->
    Listed = [{Name, Arity} || {{function, Name, Arity}, Doc} <- entries(Module), Doc =/= hidden],
    lists:usort([{Function, Found} || {attribute, _, spec, {Function, Types}} <- forms(Module),
        lists:member(Function, Module:module_info(exports)), lists:member(Function, Listed),
        Found <- in(Types, Module, [])]).

%% What is vague in a type, and in those of ours that it is made of. Seen are those that we are in.
in({ann_type, _, [_, {type, _, term, []}]}, _, _) -> [];
in({type, _, map, any}, Module, _) -> [{Module, 'map()'}];
in({type, _, list, []}, Module, _) -> [{Module, 'list()'}];
in({type, _, Any, []}, Module, _) when Any =:= any; Any =:= term -> [{Module, Any}];
in({user_type, _, Name, Arguments}, Module, Seen) ->
    in(Arguments, Module, Seen) ++ of_type(Module, Name, length(Arguments), Seen);
in({remote_type, _, [{atom, _, Of}, {atom, _, Name}, Arguments]}, Module, Seen) ->
    in(Arguments, Module, Seen) ++
        [Found || lists:prefix("gwport", atom_to_list(Of)),
            Found <- of_type(Of, Name, length(Arguments), Seen)];
in(Type, Module, Seen) when is_tuple(Type) -> in(tuple_to_list(Type), Module, Seen);
in([Type | Types], Module, Seen) -> in(Type, Module, Seen) ++ in(Types, Module, Seen);
in(_, _, _) -> [].

of_type(Module, Name, Arity, Seen) ->
    Key = {Module, Name, Arity},
    [Found || not lists:member(Key, Seen),
        {attribute, _, type, {Is, Type, Of}} <- forms(Module), Is =:= Name, length(Of) =:= Arity,
        Found <- in(Type, Module, [Key | Seen])].

forms(Module) ->
    {ok, {Module, [{abstract_code, {raw_abstract_v1, Forms}}]}} =
        beam_lib:chunks(code:which(Module), [abstract_code]),
    Forms.

sources() ->
    Dir = filename:dirname(proplists:get_value(source, gwport:module_info(compile))),
    [begin
        {ok, Source} = file:read_file(File),
        {list_to_atom(filename:basename(File, ".erl")), Source}
    end || File <- filelib:wildcard(filename:join(Dir, "*.erl"))].
